package source

import (
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"
)

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func hash(digit string) string { return strings.Repeat(digit, 40) }

// works is held by what works in a bubble beside the test.
type works struct{ gosync.Mutex }

// sleep lets it work on. What the test did before happens before that, which the race detector cannot know of a clock
// that is played.
func (w *works) sleep(d time.Duration) {
	w.Lock()
	w.Unlock() //nolint:staticcheck // it is for the order alone
	time.Sleep(d)
	synctest.Wait()
}
