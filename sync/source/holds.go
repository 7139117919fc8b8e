package source

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// holds are what is said of each hold that was read, by the commit that it is at, and when those are tried again that
// could not be read.
type holds struct {
	said   map[string]api.Public
	missed map[string]missed
}

// missed is what could not be read so often, and is tried again at a time.
type missed struct {
	times int
	again time.Time
}

// maxReason bounds, in bytes, what a person gave as a reason.
const maxReason = 200

// of adds to a history what people hold in all clusters. The refs come with the poll; what a new one says is fetched
// once. One that cannot be read holds all the same, and is tried again after pauses that grow.
func (s *holds) of(ctx context.Context, r reading, h *gate.History) (*gate.History, error) {
	refs, asked := r.repo.Beside(forge.HoldRefs)
	if asked.IsZero() && (r.age == asBefore && len(r.held) == 0 || r.follows.Commit != "") {
		return h, nil // nobody is asked: before the schedule says so, or at all
	}
	if asked.IsZero() {
		// The newest poll was another Sync's, and asked for less; or what waits after a restart may be held.
		if _, err := r.repo.HeadWithin(ctx, r.follows, 0); err != nil {
			return nil, err
		}
		if refs, asked = r.repo.Beside(forge.HoldRefs); asked.IsZero() {
			return nil, errors.New("the server was not asked for holds: poll again")
		}
	}
	said, next := map[string]api.Public{}, holds{map[string]api.Public{}, map[string]missed{}}
	for what, at := range refs {
		if what == forge.HoldAll {
			what = ""
		}
		if text := s.read(ctx, r.repo, at, next); text != "" {
			said[what] = text
		} else {
			said[what] = held
		}
	}
	*s = next
	if maps.Equal(said, h.Holds) {
		return h, nil
	}
	with := *h
	with.Holds = said
	return &with, nil
}

// read is what people are told of a hold, empty if that cannot be read now, and notes for the next time what came of
// it.
func (s *holds) read(ctx context.Context, repo Repository, at string, next holds) api.Public {
	text, m := s.said[at], s.missed[at]
	if now := time.Now(); text == "" && now.Before(m.again) {
		next.missed[at] = m
		return ""
	} else if text == "" {
		text = says(ctx, repo, at)
		m.times++
		m.again = now.Add(backoff.After(m.times, time.Minute, time.Hour))
	}
	if text == "" {
		next.missed[at] = m
	} else {
		next.said[at] = text
	}
	return text
}

// held is what people are told of a hold of which no more is known.
const held api.Public = "held in all clusters"

// says is what people are told of a hold; empty if that cannot be read now.
func says(ctx context.Context, repo Repository, at string) api.Public {
	if found, err := repo.Fetch(ctx, at); err != nil || !found {
		return ""
	}
	h, err := repo.Between(ctx, "", at)
	if err != nil || len(h.Commits) == 0 {
		return ""
	}
	c := h.Commits[0]
	return held + api.Public(" by "+english.Clip(c.Author, maxReason)+": "+english.Clip(c.Subject, maxReason))
}
