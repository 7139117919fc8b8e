package source

import (
	"math/rand/v2"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/gate"
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
	pushed   time.Time // when others were told of a push that is news to this one; zero if they were not
	due      time.Time
	schedule *schedule // instead of an interval, if not nil
	recall   bool      // a head is known from before a restart
	failures int
	history  *gate.History
	err      error
}

// ask makes the next poll due now, also if one is under way: what it saw may be too old.
func (p *poller) ask() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urgent = true
}

// push makes the next poll due now because something was pushed. Who polls by a schedule waits for it all the same.
func (p *poller) push() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urgent = p.urgent || p.schedule == nil
}

// follows reports whether news of a push counts: who polls by a schedule waits for it, and who has not polled yet is
// about to.
func (p *poller) follows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.schedule == nil && p.history != nil
}

// pushedTo makes the next poll due now if the newest one saw the ref elsewhere. It need ask the server only for what is
// newer than the push. It reports whether it did.
func (p *poller) pushedTo(head string, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.history.Head == head {
		return false
	}
	p.pushed = at
	return true
}

// fail notes why there can be no poll.
func (p *poller) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// note writes down how far the schedule has come.
func (p *poller) note(s *api.SyncStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.schedule.note(s)
}

// last returns what the newest successful poll saw, and why the newest poll failed if it did.
func (p *poller) last() (*gate.History, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.history, p.err
}

// start begins a poll if one is due, and returns when the next one is.
// The poll itself runs through background, and is told how old an answer of the server may be. After it wake is called,
// with when there is something to do: now, which is the zero time, or when the next poll is due if this one, which
// nobody has asked for, saw what was known.
// By a schedule, nobody asks the server before its time has come; what is known of the repository is read again.
func (p *poller) start(background func(func()), now time.Time, interval time.Duration,
	look func(age time.Duration) (*gate.History, error), wake func(time.Time)) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return time.Time{}
	}
	due, run := p.next(now)
	age, pushed := shareable(interval), p.pushed
	switch {
	case p.urgent || p.schedule != nil && !now.Before(due):
		age = 0
	case !pushed.IsZero():
		age = sincePush
	case p.schedule != nil && p.recall && p.history == nil:
		if age = asBefore; now.Before(p.due) {
			return p.due
		}
	case now.Before(due):
		return due
	}
	p.busy, p.urgent, p.pushed = true, false, time.Time{}
	background(func() {
		if age == sincePush {
			age = time.Since(pushed)
		}
		h, err := look(age)
		turn := p.finish(h, err, now, interval, age != shareable(interval))
		if err == nil && age != asBefore {
			p.done(run, now)
		}
		wake(turn)
	})
	return time.Time{}
}

// finish notes what a poll saw, and returns when there is something to do: now, which is the zero time, if there is
// news or somebody has asked for this poll, or for another one meanwhile, and else when the next one is due. A failed
// one keeps what was seen before, and the next one waits longer.
func (p *poller) finish(h *gate.History, err error, began time.Time, interval time.Duration,
	asked bool) (turn time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	news := asked || err != nil || p.err != nil || h != p.history || p.urgent || !p.pushed.IsZero()
	p.busy, p.err = false, err
	if err == nil {
		p.history, p.failures = h, 0
	} else {
		p.failures++
		interval = backoff.After(p.failures, max(interval, minInterval), max(interval, maxInterval))
	}
	p.due = began.Add(jitter(max(interval, minInterval)))
	if news {
		return time.Time{}
	}
	return p.due
}

// asBefore is the age of an answer that the server is not asked for: the head is where it was before a restart.
const asBefore time.Duration = -1

// sincePush is the age of an answer that is as old as the push that is polled for.
const sincePush time.Duration = -2

// next is when the next poll is due, and the time of the schedule that it is for.
func (p *poller) next(now time.Time) (due, run time.Time) {
	if p.schedule == nil {
		return p.due, time.Time{}
	}
	run = p.schedule.run(now)
	if p.failures > 0 && p.due.After(run) && !run.After(now) {
		return p.due, run
	}
	return run, run
}

// done notes that a poll which began at a time has seen what was there at a time of the schedule.
func (p *poller) done(run, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.schedule != nil && !run.After(began) && run.After(p.schedule.last) {
		p.schedule.last = run
	}
}

// shareable is how old an answer may be that another Sync of the repository got: younger than one's own last one,
// and so old that all of them together cost hardly more than one.
func shareable(interval time.Duration) time.Duration { return max(interval, minInterval) * 4 / 5 }

// jitter spreads polls, so that a thousand Syncs that began together do not stay together.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// refOf is what the spec tracks; the branch main if it names nothing.
func refOf(s *api.Sync) gitsource.Ref {
	r := s.Spec.Source.Ref
	if r == (api.Ref{}) {
		return gitsource.Ref{Branch: "main"}
	}
	return gitsource.Ref{Branch: r.Branch, Tag: r.Tag, SemVer: r.SemVer, Commit: r.Commit, Name: r.Name,
		Prereleases: r.Prereleases}
}

// Follows is what a Sync follows of its repository.
func Follows(s *api.Sync) gitsource.Ref { return refOf(s) }

// Tracked is the ref that a Sync follows, in full, as its polls find it; with a slash at its end if it follows one of
// several, and empty if it follows a commit. HEAD is one of the branches, whose name only the server knows.
func Tracked(s *api.Sync) string {
	if prefix := refOf(s).Prefix(); prefix != "HEAD" {
		return prefix
	}
	return "refs/heads/"
}
