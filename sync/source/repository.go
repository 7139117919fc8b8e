package source

import (
	"context"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// Repository is a mirrored Git repository.
type Repository interface {
	// HeadWithin polls: it returns the commit that the ref is at, by an answer of the server that is up to age old.
	HeadWithin(ctx context.Context, ref gitsource.Ref, age time.Duration) (string, error)
	// Beside are the refs whose names begin with a prefix, by what is left of their names, as the newest poll saw them,
	// and when it asked the server; zero if none has asked for them.
	Beside(prefix string) (refs map[string]string, at time.Time)
	// Fetch asks the server for a commit that no ref need be at, and reports whether the mirror has it now.
	Fetch(ctx context.Context, commit string) (found bool, err error)
	// Between returns the first-parent commits after from up to and including to.
	Between(ctx context.Context, from, to string) (gitsource.History, error)
	// Met returns those of some commits that are met along first parents from one on: the newest first.
	Met(ctx context.Context, from string, commits []string) ([]string, error)
	// NameOf is the full name of the ref, of a range of versions that of the tag, at which a commit was found last;
	// empty if that is not known.
	NameOf(ref gitsource.Ref, commit string) string
	// Verify says why the signature of a commit does not count, VerifyTag why that of the tag does not that ref is at;
	// empty if it does.
	Verify(commit string, s *gitsource.Signers) (problem string, err error)
	VerifyTag(ref gitsource.Ref, commit string, s *gitsource.Signers) (problem string, err error)
	// Keep keeps a commit and its files under a name, also if the server drops it; an empty commit lets go.
	Keep(name, commit string) error
	// Tree returns a commit's files; gitsource.ErrAbsent if the commit is not there.
	Tree(ctx context.Context, commit string) (*gitsource.Tree, error)
}
