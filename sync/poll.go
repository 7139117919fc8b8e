package sync

import (
	"context"
	"math/rand/v2"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	minInterval = time.Second
	maxInterval = 15 * time.Minute
	pollTimeout = 10 * time.Minute
)

// poller asks a repository where its ref is, in the background: a server that hangs holds no worker and
// keeps nobody from judging what runs.
type poller struct {
	mu       gosync.Mutex
	busy     bool
	urgent   bool
	due      time.Time
	failures int
	history  *History
	err      error
}

// ask makes the next poll due now, also if one is under way: what it saw may be too old.
func (p *poller) ask() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urgent = true
}

// last returns what the newest successful poll saw, and why the newest poll failed if it did.
func (p *poller) last() (*History, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.history, p.err
}

// start begins a poll if one is due, and returns when the next one is.
// The poll itself runs through background; wake is called after it.
func (p *poller) start(background func(func()), now time.Time, interval time.Duration, look func() (*History, error), wake func()) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return time.Time{}
	}
	if !p.urgent && now.Before(p.due) {
		return p.due
	}
	p.busy, p.urgent = true, false
	background(func() {
		h, err := look()
		p.finish(h, err, now, interval)
		wake()
	})
	return time.Time{}
}

// finish notes what a poll saw. A failed one keeps what was seen before, and the next one waits longer.
func (p *poller) finish(h *History, err error, began time.Time, interval time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy, p.err = false, err
	if err == nil {
		p.history, p.failures = h, 0
	} else {
		p.failures++
		interval = backoff(p.failures, max(interval, minInterval), max(interval, maxInterval))
	}
	p.due = began.Add(jitter(max(interval, minInterval)))
}

// jitter spreads polls, so that a thousand Syncs that began together do not stay together.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// readHistory polls a repository. A ref that did not move costs one ref advertisement and nothing else.
func readHistory(ctx context.Context, repo Repository, ref gitsource.Ref, passed string, last *History) (*History, error) {
	head, err := repo.Head(ctx, ref)
	if err != nil {
		return nil, err
	}
	if last != nil && last.Head == head && last.After == passed {
		return last, nil
	}
	between, err := repo.Between(ctx, passed, head)
	if err != nil {
		return nil, err
	}
	h := &History{Head: head, After: passed}
	for _, c := range between.Commits {
		h.Commits = append(h.Commits, Commit{Hash: c.Hash, Subject: c.Subject})
	}
	if len(h.Commits) == 0 && head != passed {
		// The ref was set back to a commit that was passed before: it is the next one.
		h.Commits = []Commit{{Hash: head}}
	}
	return h, nil
}

// refOf is what the spec tracks; the branch main if it names nothing.
func refOf(s *api.Sync) gitsource.Ref {
	r := s.Spec.Source.Ref
	if r == (api.Ref{}) {
		return gitsource.Ref{Branch: "main"}
	}
	return gitsource.Ref{Branch: r.Branch, Tag: r.Tag, Commit: r.Commit, Name: r.Name}
}
