package source

import (
	"context"
	"errors"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// A server that hangs holds up the commit that needs it, for no longer than a moment at a time; when it answers at last
// the commit finds what it brought, and it was asked once.
func TestRemoteBaseThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bases
		var background gosync.WaitGroup
		asked := 0
		fetch := func() (*gitsource.Tree, error) {
			asked++
			time.Sleep(time.Minute)
			return &gitsource.Tree{}, nil
		}
		for range 3 {
			began := time.Now()
			if _, err := b.open(t.Context(), background.Go, fetch, "base"); !errors.Is(err, errBaseUnderWay) {
				t.Fatalf("the error is %v", err)
			}
			if waited := time.Since(began); waited > basePatience {
				t.Errorf("waited %s", waited)
			}
		}
		background.Wait()
		if tree, err := b.open(t.Context(), background.Go, fetch, "base"); tree == nil || err != nil || asked != 1 {
			t.Errorf("got %v, %v after asking %d times", tree, err, asked)
		}
	})
}

// A fetch that failed is tried again by the next commit that needs it.
func TestRemoteBaseThatFailedIsFetchedAgain(t *testing.T) {
	var b bases
	var background gosync.WaitGroup
	down := errors.New("down")
	fetch := func() (*gitsource.Tree, error) { return nil, down }
	if _, err := b.open(context.Background(), background.Go, fetch, "base"); !errors.Is(err, down) {
		t.Fatalf("the error is %v", err)
	}
	up := func() (*gitsource.Tree, error) { return &gitsource.Tree{}, nil }
	if _, err := b.open(context.Background(), background.Go, up, "base"); err != nil {
		t.Errorf("the error is %v", err)
	}
}
