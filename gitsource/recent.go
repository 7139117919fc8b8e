package gitsource

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// advertised is what came of the last time that the server was asked for its refs.
type advertised struct {
	refs   map[string]plumbing.Hash
	looked []string // the prefixes of the refs that were asked for; nil if all were
	beside []string // the prefixes of what others want to see beside the refs that they follow
	total  int      // how many refs there were when all were asked for; 0 if they were not
	err    error
	at     time.Time // when it was asked, or when it failed to answer
}

// has is true if the refs are all that the ref could be found among.
func (a advertised) has(ref Ref) bool {
	return a.looked == nil || slices.Contains(a.looked, ref.Prefix())
}

func (r *Repository) noted(a advertised) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.total == 0 {
		a.total = r.latest.total
	}
	r.latest = a
}

func (r *Repository) recent() advertised {
	r.mu.Lock()
	defer r.mu.Unlock()
	latest := r.latest
	latest.beside = slices.Clone(r.beside)
	return latest
}

// HeadWithin is Head for who is content with an answer, or a failure, that is up to age old: a thousand Syncs that poll
// one repository, each in its own minute, cost one advertisement a minute, also while the server is down.
func (r *Repository) HeadWithin(ctx context.Context, ref Ref, age time.Duration) (string, error) {
	r.touch()
	latest := r.recent()
	if ref.check() != nil || ref.Commit != "" || time.Since(latest.at) > age {
		return r.Head(ctx, ref)
	}
	if latest.err != nil && !errors.Is(latest.err, remote.ErrEmpty) { // whose error names the ref
		return "", latest.err
	}
	if !latest.has(ref) {
		return r.Head(ctx, ref)
	}
	if at, err := ref.find(latest.refs); err == nil && r.mirror.proven.has([]tip{at}) && !r.mirror.suspect.Load() {
		if commit, err := r.mirror.peeled(at.hash); err == nil {
			r.saw(ref, at)
			return commit.String(), nil
		}
	}
	return r.Head(ctx, ref)
}

// Beside are the refs whose names begin with a prefix, by what is left of their names, as the newest poll saw them, and
// when that asked the server. They cost no request: from now on each poll asks for them, too. The time is zero if none
// has yet.
func (r *Repository) Beside(prefix string) (refs map[string]string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.beside, prefix) {
		r.beside = append(r.beside, prefix)
	}
	a := r.latest
	if a.refs == nil || a.looked != nil && !slices.Contains(a.looked, prefix) {
		return nil, time.Time{}
	}
	refs = map[string]string{}
	for name, hash := range a.refs {
		if rest, found := strings.CutPrefix(name, prefix); found {
			refs[rest] = hash.String()
		}
	}
	return refs, a.at
}

// mayBeTag is true of a ref that is found among the tags.
func (r Ref) mayBeTag() bool { return strings.HasPrefix(r.Prefix(), tagPrefix) }

// saw remembers which tag a ref was found to be at. It is remembered by ref: what another Sync of the repository asks
// for next may be an advertisement of other refs alone. Of refs that are no tags nobody asks.
func (r *Repository) saw(ref Ref, at tip) {
	if !ref.mayBeTag() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tags == nil {
		r.tags = map[Ref]tip{}
	}
	r.tags[ref] = at
}

// NameOf is the full name of the ref at which a commit was found last, of a range of versions the tag's; empty if the
// ref was found elsewhere since.
func (r *Repository) NameOf(ref Ref, commit string) string {
	if ref.SemVer == "" {
		return ref.fullName()
	}
	tag, found := tagOf(r, ref)
	if at, err := r.mirror.peel(tag.hash); !found || err != nil || at.String() != commit {
		return ""
	}
	return tag.name
}

// tagOf returns the tag that a ref was at when it was last found.
func tagOf(r *Repository, ref Ref) (at tip, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok = r.tags[ref]
	return at, ok
}
