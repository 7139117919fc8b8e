package kept

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Fleet is what was read of the fleet that follows a repository.
type Fleet struct {
	// Repository is its address, without credentials.
	Repository string
	// Commits are the newest of what the Sync follows, newest first, and Said is what clusters have told of them.
	Commits []gitsource.Commit
	Said    []forge.Said
	// Clusters are those that have ever told something.
	Clusters []string
	// Left says what could not be read.
	Left []string
	// Read is when it was so; zero if nothing was read yet.
	Read time.Time
	// Why is why nothing is known, or nothing newer; empty if it is as it was just now.
	Why string
}

// Reader reads repositories. It writes nothing.
type Reader struct {
	// Repository opens the mirror of a Sync's repository; always the same one for the same credentials.
	Repository func(context.Context, *api.Sync) (*gitsource.Repository, error)
	// Auth reads the credentials for it.
	Auth  func(*api.Sync) gitsource.Source
	Reach remote.Reach
	// Folder is where the notes of each repository have a folder of their own, while they are kept.
	Folder string
}

// seen is what was seen of a fleet last.
type seen struct {
	fleet Fleet
	why   string // why nothing newer is seen
	most  int    // how many commits were asked for when it was read
	head  string
	tips  map[string]string
}

// mostSaid bounds what is kept of one fleet: a state of a commit at a Sync each.
const mostSaid = 100_000

// isLike reports whether a person would see nothing new in it.
func (s *seen) isLike(other *seen) bool {
	return s.head == other.head && s.why == other.why && s.most == other.most && maps.Equal(s.tips, other.tips) &&
		s.fleet.Read.IsZero() == other.fleet.Read.IsZero()
}

// newest is the fleet by its newest commits.
func (s seen) newest(most int, suspended bool) Fleet {
	f := s.fleet
	f.Why = s.why
	if suspended {
		f.Why = Suspended
	} else if f.Read.IsZero() && f.Why == "" {
		f.Why = "It is being read from the repository: look again in a moment."
	}
	if len(f.Commits) <= most {
		return f
	}
	f.Commits = f.Commits[:most]
	asked := map[string]bool{}
	for _, c := range f.Commits {
		asked[c.Hash] = true
	}
	f.Said = slices.DeleteFunc(slices.Clone(f.Said), func(s forge.Said) bool { return !asked[s.Commit] })
	return f
}

// look asks where the ref and the notes are, which costs no request where others have polled just now, and reads what
// has changed.
func (f *fleet) look(ctx context.Context, before seen, most int, age time.Duration) seen {
	now := before
	now.why = ""
	head, tips, err := where(ctx, f.identity, age)
	if err == nil && (head != before.head || !maps.Equal(tips, before.tips) || most > before.most) {
		now, err = f.read(ctx, head, tips, most)
	}
	if err != nil {
		now = before
		now.why = unread(err)
		return now
	}
	now.fleet.Read = time.Now()
	return now
}

func unread(err error) string {
	return english.Clip(fmt.Sprintf("The repository cannot be read: %v", err), api.MaxText)
}

// where are the commit that the ref is at, and the tips of the refs of notes.
func where(ctx context.Context, id identity, age time.Duration) (head string, tips map[string]string, err error) {
	if head, err = id.mirror.HeadWithin(ctx, id.ref, age); err != nil {
		return "", nil, err
	}
	tips, ok := tipsOf(id.mirror)
	polled := id.ref
	if polled.Commit != "" { // which nobody is asked for
		polled = gitsource.Ref{Name: "HEAD"}
	}
	if !ok || polled != id.ref {
		if !ok { // the newest poll asked for less
			age = 0
		}
		if _, err := id.mirror.HeadWithin(ctx, polled, age); err != nil {
			return "", nil, err
		}
		tips, ok = tipsOf(id.mirror)
	}
	if !ok {
		return "", nil, errors.New("the server was not asked for notes: look again")
	}
	return head, tips, nil
}

// tipsOf are where the refs of notes are, by their full names, as the newest poll saw them.
func tipsOf(mirror *gitsource.Repository) (tips map[string]string, ok bool) {
	refs, at := mirror.Beside(forge.NotesPrefix)
	tips = map[string]string{}
	for rest, tip := range refs {
		if _, is := forge.ClusterOf(forge.NotesPrefix + rest); is {
			tips[forge.NotesPrefix+rest] = tip
		}
	}
	return tips, !at.IsZero()
}

// read reads the fleet at a commit.
func (f *fleet) read(ctx context.Context, head string, tips map[string]string, most int) (seen, error) {
	now := seen{most: most, head: head, tips: tips, fleet: Fleet{Repository: f.mirror.String()}}
	to := &now.fleet
	var err error
	if to.Commits, err = gitsource.Newest(ctx, f.mirror, head, most); err != nil {
		return seen{}, err
	}
	var commits []string
	for _, c := range to.Commits {
		commits = append(commits, c.Hash)
	}
	if to.Clusters = forge.ClustersOf(tips); len(tips) == 0 {
		return now, nil
	}
	said, left, err := f.notes.read(ctx, tips, commits)
	if err != nil {
		return seen{}, err
	}
	for _, err := range left {
		to.Left = append(to.Left, "left out: "+err.Error())
	}
	if to.Said = said; len(said) > mostSaid {
		to.Said = said[:mostSaid:mostSaid]
		to.Left = append(to.Left, fmt.Sprintf("left out: all but %d of %d states", mostSaid, len(said)))
	}
	return now, nil
}
