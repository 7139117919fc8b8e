package alerts

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/sync/backoff"
)

const (
	// Interval is how often a source is asked while a rollout may go on by its answer.
	Interval = 15 * time.Second
	// GoodFor is how long an answer counts. Then nobody knows.
	GoodFor = 45 * time.Second
)

// Answer is what a source said last.
type Answer struct {
	// At is when it was asked; zero if it has not answered yet.
	At     time.Time
	Firing []string
	// Problem is why it could not say, since then; nil if it could.
	Problem error
}

// mostNamed is how many alerts one sentence names.
const mostNamed = 3

// Closed says why nothing may go on by an answer at a time: alerts fire, or it is not known whether some do. Empty if
// it may.
func (a Answer) Closed(now time.Time) string {
	switch {
	case a.Problem != nil:
		return fmt.Sprintf("it is not known whether alerts fire: %v", a.Problem)
	case a.At.IsZero() || now.Sub(a.At) > GoodFor || a.At.After(now.Add(GoodFor)):
		return "it is not known yet whether alerts fire"
	case len(a.Firing) == 0:
		return ""
	}
	text := "alerts fire: "
	for i, name := range a.Firing[:min(len(a.Firing), mostNamed)] {
		if i > 0 {
			text += ", "
		}
		text += name
	}
	if more := len(a.Firing) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Asker asks beside the turns of a Sync, one question at a time. The zero value has not asked.
type Asker struct {
	mu      gosync.Mutex
	of      string // what was asked last
	last    Answer
	asking  bool
	due     time.Time // of the next question
	retries int
}

// Last is the newest answer to a question.
func (a *Asker) Last(of string) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != of {
		return Answer{}
	}
	return a.last
}

// Question is how an Asker asks.
type Question struct {
	// Of tells questions apart: what was answered to another one counts for nothing.
	Of  string
	Now func() time.Time
	// Ask must end when its context does, and Wake is called when its answer is there. Beside runs both, beside a turn.
	Ask    func(context.Context) ([]string, error)
	Wake   func()
	Beside func(func())
}

// Look is the newest answer, and when to look again: zero if another one is being asked for, as it is if it is due.
func (a *Asker) Look(ctx context.Context, q Question) (Answer, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != q.Of {
		a.of, a.last, a.asking, a.due, a.retries = q.Of, Answer{}, false, time.Time{}, 0
	}
	if !a.asking && !q.Now().Before(a.due) {
		a.asking = true
		q.Beside(func() {
			at := q.Now()
			firing, err := q.Ask(ctx)
			a.note(q.Of, at, q.Now(), firing, err)
			q.Wake()
		})
	}
	if a.asking {
		return a.last, time.Time{}
	}
	return a.last, a.due
}

// note takes an answer in. What cannot be asked is asked again after 2 s at first, and every minute at last.
func (a *Asker) note(of string, asked, now time.Time, firing []string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != of {
		return
	}
	a.asking = false
	if err != nil {
		a.last.Problem = err
		a.retries++
		a.due = now.Add(backoff.After(a.retries, 2*time.Second, time.Minute))
		return
	}
	a.last, a.retries = Answer{At: asked, Firing: firing}, 0
	a.due = now.Add(Interval)
}
