// Package delivery brings what a Sync has to tell to whoever is to know it, beside the gate: whatever the other side
// does, nobody waits. What is new is saved before it is sent, and what failed is tried again after growing pauses.
package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/kept"
)

// Loop delivers what waits; K is the form in which that is kept over a restart. One goroutine calls its methods.
type Loop[K any] struct {
	// News has a value while there is something to save or to send.
	News <-chan struct{}
	// Unsaved returns all that is to be kept, and whether some of it is not kept yet.
	Unsaved func() (all K, some bool)
	// Write keeps it; its errors may be those of package kept. Saved is told of it then.
	Write func(ctx context.Context, all K) error
	Saved func(all K)
	// Send sends some of what waits, and returns when it is to be called again; zero if only news can tell.
	Send func(ctx context.Context) time.Time
	// Trouble is told what a person should know.
	Trouble func(error)

	failures    int
	lastTrouble string    // that was told, while it lasts
	foreign     bool      // whether nothing can be saved because the place for it is somebody else's
	notBefore   time.Time // nothing is sent before
}

// lookAgain is when it is looked again whether anything can be saved.
const lookAgain = 5 * time.Minute

// Run delivers until ctx ends.
func (l *Loop[K]) Run(ctx context.Context) {
	for l.rest(ctx, l.turn(ctx)) {
	}
}

// rest returns at the given time, or when there is news; with no time, only then. It reports whether to go on.
func (l *Loop[K]) rest(ctx context.Context, until time.Time) bool {
	var alarm <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-alarm:
	case <-l.News:
	}
	return ctx.Err() == nil
}

// turn saves what is new and sends, and returns when the next turn is due; zero if only news can tell. What could not
// be saved is not sent: a restart would not know of it.
func (l *Loop[K]) turn(ctx context.Context) time.Time {
	if err := l.Save(ctx); err != nil {
		return l.Failed(ctx, err, 0)
	}
	next := l.Send(ctx)
	if look := time.Now().Add(lookAgain); l.foreign && ctx.Err() == nil && (next.IsZero() || next.After(look)) {
		return look
	}
	return next
}

// Save saves what is new. Where somebody else's object has the place of the Sync's own, that is told once while it
// lasts, and nothing is saved: it may stay there for ever, and is not to keep anything from being told.
func (l *Loop[K]) Save(ctx context.Context) error {
	all, unsaved := l.Unsaved()
	if !unsaved {
		return nil
	}
	err := l.Write(ctx, all)
	if foreign := (*kept.ForeignError)(nil); errors.As(err, &foreign) {
		if !l.foreign {
			l.foreign = true
			l.Trouble(err)
		}
		return nil
	}
	if altered := (*kept.AlteredError)(nil); errors.As(err, &altered) {
		l.Trouble(err)
		err = nil
	}
	if err == nil {
		l.foreign = false
		l.Saved(all)
	}
	return err
}

// NotBefore is until when the other side is left alone.
func (l *Loop[K]) NotBefore() time.Time { return l.notBefore }

// Went notes that something was sent, and returns when more may be: after as long as the other side asks to be left
// alone.
func (l *Loop[K]) Went(pause time.Duration) time.Time {
	l.failures, l.lastTrouble, l.notBefore = 0, "", time.Now().Add(pause)
	return l.notBefore
}

// Failed notes trouble, which is told when it begins and when it is another, and returns when to try again: after
// growing pauses, or when the other side says.
func (l *Loop[K]) Failed(ctx context.Context, err error, pause time.Duration) time.Time {
	if l.failures++; l.lastTrouble != err.Error() && ctx.Err() == nil {
		l.lastTrouble = err.Error()
		l.Trouble(err)
	}
	l.notBefore = time.Now().Add(max(pause, backoff.After(l.failures, time.Second, 5*time.Minute)))
	return l.notBefore
}
