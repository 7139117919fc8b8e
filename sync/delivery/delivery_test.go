package delivery

import (
	"context"
	"errors"
	"slices"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/sync/kept"
)

// line is a loop over numbers: those up to waiting wait, those up to kept are saved, those up to sent are sent.
type line struct {
	Loop[int]
	news chan struct{}
	mu   gosync.Mutex
	played
}

type played struct {
	waiting, kept, sent int
	unkept              error // what keeps numbers from being saved
	away                error // what keeps them from being sent
	tries               []time.Duration
	said                []string
	began               time.Time
}

func start(t *testing.T) *line {
	t.Helper()
	l := &line{news: make(chan struct{}, 1), played: played{began: time.Now()}}
	l.Loop = Loop[int]{News: l.news,
		Unsaved: func() (all int, some bool) {
			l.do(func() { all, some = l.waiting, l.waiting != l.kept })
			return all, some
		},
		Write:   func(context.Context, int) (err error) { l.do(func() { err = l.unkept }); return err },
		Saved:   func(all int) { l.do(func() { l.kept = all }) },
		Send:    l.send,
		Trouble: func(err error) { l.do(func() { l.said = append(l.said, err.Error()) }) },
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { l.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return l
}

// do reads or changes what is played.
func (l *line) do(what func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what()
}

func (l *line) send(ctx context.Context) time.Time {
	var nothing bool
	var away error
	l.do(func() {
		if nothing = l.sent == l.waiting; nothing {
			return
		}
		l.tries = append(l.tries, time.Since(l.began))
		if away = l.away; away == nil {
			l.sent = l.waiting
		}
	})
	switch {
	case nothing:
		return time.Time{}
	case away != nil:
		return l.Failed(ctx, away, 0)
	}
	return l.Went(0)
}

// add has one more wait.
func (l *line) add() {
	l.do(func() { l.waiting++ })
	l.news <- struct{}{}
	synctest.Wait()
}

// is what was played until now, when nobody does anything any more.
func (l *line) is() (now played) {
	synctest.Wait()
	l.do(func() { now = l.played; now.tries, now.said = slices.Clone(l.tries), slices.Clone(l.said) })
	return now
}

// pass lets time pass, until nobody does anything any more.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// What is new is sent when it is saved, and not before. Trouble is told once while it lasts, and again when it is another.
func TestWhatCannotBeSavedIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t)
		l.do(func() { l.unkept = errors.New("the API server is away") })
		l.add()
		pass(time.Minute)
		if is := l.is(); is.sent != 0 || !slices.Equal(is.said, []string{"the API server is away"}) {
			t.Errorf("%d sent, said %q", is.sent, is.said)
		}
		l.do(func() { l.unkept = errors.New("no rights") })
		pass(10 * time.Minute)
		l.do(func() { l.unkept = nil })
		pass(10 * time.Minute)
		if is := l.is(); is.sent != 1 || is.kept != 1 || !slices.Equal(is.said, []string{"the API server is away", "no rights"}) {
			t.Errorf("%d sent, %d kept, said %q", is.sent, is.kept, is.said)
		}
	})
}

// Somebody else's object in the place for it keeps nothing from being sent. That is told once, and looked at again.
func TestSomebodyElsesObjectKeepsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t)
		l.do(func() { l.unkept = &kept.ForeignError{} })
		l.add()
		l.add()
		if is := l.is(); is.sent != 2 || is.kept != 0 || len(is.said) != 1 {
			t.Errorf("%d sent, %d kept, said %q", is.sent, is.kept, is.said)
		}
		l.do(func() { l.unkept = nil })
		pass(lookAgain)
		if is := l.is(); is.kept != 2 {
			t.Errorf("%d kept when the place is free again", is.kept)
		}
	})
}

// The other side is tried again after pauses that double, and that begin anew when it has taken something.
func TestPausesGrowWhileNothingIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t)
		l.do(func() { l.away = errors.New("connection refused") })
		l.add()
		pass(10 * time.Second)
		if is := l.is(); len(is.tries) != 4 || len(is.said) != 1 { // at 0, 1, 3 and 7 s
			t.Errorf("tried at %v, said %q", is.tries, is.said)
		}
		pass(time.Hour)
		is := l.is()
		if n := len(is.tries); n > 25 || is.tries[n-1]-is.tries[n-2] > 6*time.Minute {
			t.Errorf("tried at %v", is.tries)
		}
		l.do(func() { l.away = nil })
		pass(6 * time.Minute)
		l.do(func() { l.away, l.tries, l.began = errors.New("connection refused"), nil, time.Now() })
		l.add()
		pass(10 * time.Second)
		if is := l.is(); is.sent != 1 || len(is.tries) != 4 || len(is.said) != 2 {
			t.Errorf("%d sent; tried at %v, said %q", is.sent, is.tries, is.said)
		}
	})
}
