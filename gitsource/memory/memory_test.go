package memory

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// What is large waits for what is large; what is small waits for nobody, and who would take more than there is gets all.
func TestWhatIsLargeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(8 * Free)
		first, err := b.Take(t.Context(), 100*Free)
		if err != nil {
			t.Fatal(err)
		}
		small, err := b.Take(t.Context(), Free)
		if err != nil {
			t.Fatal(err)
		}
		small()
		taken := make(chan func())
		go func() {
			release, err := b.Take(t.Context(), 2*Free)
			if err != nil {
				t.Error(err)
			}
			taken <- release
		}()
		synctest.Wait()
		select {
		case <-taken:
			t.Error("taken beside all of it")
		default:
		}
		first()
		(<-taken)()
	})
}

// Who waits is let go with the reason of its context.
func TestAWaitEnds(t *testing.T) {
	b := NewBudget(2 * Free)
	release, err := b.Take(t.Context(), 2*Free)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("too long")
	cancel(reason)
	if _, err := b.Take(ctx, 2*Free); !errors.Is(err, reason) {
		t.Error(err)
	}
}
