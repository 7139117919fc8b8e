package gitsource

import (
	"testing"
	"testing/synctest"
	"time"
)

// Readers that nobody uses are closed soon, and keep nothing of what they read; whoever reads later opens another one.
func TestIdleReadersAreClosed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := newObjects()
		o.renew(dir)
		var used *reader
		reads := func() {
			t.Helper()
			if err := o.use(func(r *reader) error {
				used = r
				_, err := r.opened()
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		idle := func() int {
			synctest.Wait()
			o.mu.Lock()
			defer o.mu.Unlock()
			return len(o.idle)
		}
		reads()
		first := used
		time.Sleep(idleFor - time.Second)
		if reads(); used != first {
			t.Error("a reader that is used again soon was closed")
		}
		time.Sleep(idleFor - time.Second)
		if idle() != 1 {
			t.Error("a reader was closed that has just been used")
		}
		time.Sleep(time.Second)
		if idle() != 0 || first.packs != nil {
			t.Error("a reader that nobody uses is kept open")
		}
		if reads(); used == first {
			t.Error("a closed reader is used again")
		}
		o.close()
	})
}
