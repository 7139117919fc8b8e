package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// reading is one look at a repository.
type reading struct {
	repo Repository
	// ref is what is asked for: what the spec follows, or the commit that it was at before a restart.
	ref, follows gitsource.Ref
	age          time.Duration // of an answer that will do
	// passed is the commit that passed the gate last, and passedRef the full name of the ref that led to it. The server
	// is asked for the commit if it is in no ref's history, where what lies between it and the head counts.
	passed, passedRef string
	needed            bool
	// told are the commits of which the status tells, but for those that are Held. Where a rewritten history is read by
	// a mirror that never had the one that passed, as that of a controller that has just taken over, what comes after
	// the newest of them that the head goes on from is new.
	told []string
	// held are the commits that are Held. Those on the way to the head are among its commits, wherever it goes on from.
	held []string
}

// history polls a repository. A ref that did not move costs one ref advertisement and nothing else.
func (r reading) history(ctx context.Context, last *gate.History) (*gate.History, error) {
	head, err := r.repo.HeadWithin(ctx, r.ref, r.age)
	if err != nil {
		return nil, err
	}
	if last != nil && last.Head == head && last.After == r.passed && (last.Unrelated == "" || r.age != 0) {
		return last, nil
	}
	between, err := r.between(ctx, head)
	if err != nil {
		return nil, err
	}
	h := &gate.History{Head: head, After: r.passed, Commits: commits(between), Rewritten: between.Rewritten}
	if h.Rewritten {
		h.Base, h.Unrelated = between.Base, unrelated(between, r.passed)
	}
	h.Ref = r.repo.NameOf(r.follows, head)
	h.Backward = r.backward(h)
	if len(h.Commits) == 0 && head != r.passed {
		// The ref was set back to a commit that was passed before: it is the next one.
		h.Commits = []gate.Commit{{Hash: head}}
	}
	return h, nil
}

// between reads what lies between the commit that passed last and the head. Where they have nothing in common that is
// known, the history begins with the oldest commit that is Held, so that none is forgotten, or with the head.
func (r reading) between(ctx context.Context, head string) (gitsource.History, error) {
	h, err := r.sincePassed(ctx, head)
	if err != nil || !h.Rewritten || h.Base != "" {
		return h, err
	}
	met, err := r.repo.Met(ctx, head, r.held)
	if err != nil || len(met) == 0 || met[len(met)-1] == head {
		return h, err
	}
	oldest := met[len(met)-1]
	first, err := r.repo.Between(ctx, "", oldest)
	if err != nil {
		return h, err
	}
	rest, err := r.repo.Between(ctx, oldest, head)
	h.Commits = append(first.Commits, rest.Commits...)
	return h, err
}

// sincePassed reads what lies between the commit that passed last and the head. A new mirror has only what leads to the
// head: a commit that a rewritten history no longer has is asked for by its name.
func (r reading) sincePassed(ctx context.Context, head string) (gitsource.History, error) {
	h, err := r.repo.Between(ctx, r.passed, head)
	if err != nil || !h.Unknown {
		return h, err
	}
	if r.needed {
		if found, err := r.repo.Fetch(ctx, r.passed); err != nil {
			return h, err
		} else if found {
			return r.repo.Between(ctx, r.passed, head)
		}
	}
	return r.sinceTold(ctx, head, h)
}

// sinceTold reads what lies between the newest commit that was told of and the head; otherwise if there is none.
func (r reading) sinceTold(ctx context.Context, head string, otherwise gitsource.History) (gitsource.History, error) {
	met, err := r.repo.Met(ctx, head, slices.Concat(r.told, r.held))
	if err != nil {
		return otherwise, err
	}
	from := "" // the newest that was told of, and before every one that is Held
	for _, commit := range slices.Backward(met) {
		if slices.Contains(r.held, commit) {
			break
		}
		from = commit
	}
	if from == "" {
		return otherwise, nil
	}
	since, err := r.repo.Between(ctx, from, head)
	if err != nil {
		return otherwise, err
	}
	since.Rewritten = true // after the one that passed
	return since, nil
}

// backward says why a head is no step forward from the commit that passed last; empty if it is one. Of versions the
// order counts, and not which is built on which. That the spec follows another ref since, or names a commit, is what a
// person asked for.
func (r reading) backward(h *gate.History) api.Public {
	asked := r.follows.Commit != "" || r.passedRef != "" && !r.follows.Follows(r.passedRef)
	if asked || r.passed == "" || h.Head == r.passed {
		return ""
	}
	if r.follows.SemVer != "" && h.Ref != "" && r.passedRef != "" {
		switch gitsource.CompareVersions(h.Ref, r.passedRef) {
		case 1:
			return ""
		case -1:
			return api.Public(fmt.Sprintf("is %s, a lower version than %s at %s, which passed last",
				tagName(h.Ref), tagName(r.passedRef), api.Short(r.passed)))
		}
	}
	if !h.Rewritten {
		return ""
	}
	return api.Public(fmt.Sprintf("does not go on from %s, which passed last", api.Short(r.passed)))
}

func tagName(ref string) string { return strings.TrimPrefix(ref, "refs/tags/") }

// maxSubject and maxAuthor bound, in bytes, what a status remembers of a commit's own words.
const maxSubject, maxAuthor = 250, 100

func commits(h gitsource.History) []gate.Commit {
	var list []gate.Commit
	for _, c := range h.Commits {
		list = append(list, gate.Commit{Hash: c.Hash, Subject: english.Clip(c.Subject, maxSubject),
			Author: english.Clip(c.Author, maxAuthor)})
	}
	return list
}

// unrelated says why nobody knows what lies between the commit that passed last and the head; empty if that is known.
func unrelated(h gitsource.History, passed string) api.Public {
	switch {
	case h.Base != "":
		return ""
	case h.Unknown:
		return api.Public(fmt.Sprintf("shares no history that is known with %s, which passed last and is not in the "+
			"repository any more", api.Short(passed)))
	case h.End != "":
		return api.Public(fmt.Sprintf("shares no history that is known with %s, which passed last: the server has "+
			"none before %s", api.Short(passed), api.Short(h.End)))
	}
	return api.Public(fmt.Sprintf("shares no history with %s, which passed last", api.Short(passed)))
}
