package child

import (
	"context"
	"fmt"
	"time"
)

// patience is how many times its limit of processor time a render may take by the wall clock: others use the processor
// too, and a tree is read from a disk. What waits longer than that hangs.
const patience = 5

// SlowError says that a render took longer than it may. It may be done sooner at another time.
type SlowError struct {
	Folder string
	// Limit is what it did not keep: Limits.Timeout of processor time, or several times as much by the wall clock.
	Limit   time.Duration
	Waiting bool // it is the wall clock's
}

func (e *SlowError) Error() string {
	if e.Waiting {
		return fmt.Sprintf("%s: did not render within %s, and spent most of it waiting: the machine is too busy, or "+
			"what is read does not answer", e.Folder, e.Limit)
	}
	return fmt.Sprintf("%s: did not render within %s of processor time: split it up or raise the limit", e.Folder,
		e.Limit)
}

// Unwrap says that it is a matter of time.
func (e *SlowError) Unwrap() error { return context.DeadlineExceeded }

// await returns what a render came to, or why nobody waits for it any longer. Its limit counts the processor time that
// the render takes itself, so that a busy machine fails no commit.
func await(ctx context.Context, folder string, limit time.Duration, done <-chan outcome, spent spentFunc) outcome {
	var waited time.Duration
	for pause := limit / 2; ; {
		select {
		case out := <-done:
			return out
		case <-ctx.Done():
			return outcome{err: fmt.Errorf("%s: %w", folder, context.Cause(ctx))}
		case <-time.After(pause):
		}
		waited += pause
		used, known := spent()
		switch {
		case known && used >= limit, !known && waited >= limit:
			return outcome{err: &SlowError{Folder: folder, Limit: limit}}
		case waited >= patience*limit:
			return outcome{err: &SlowError{Folder: folder, Limit: patience * limit, Waiting: true}}
		}
		pause = max((limit-used)/2, limit/100, time.Millisecond) // several threads take more than passes
	}
}

// spentFunc tells how much processor time was taken, if that is known.
type spentFunc = func() (time.Duration, bool)
