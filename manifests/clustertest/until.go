package clustertest

import (
	"testing"
	"time"
)

// busy is how many times as long everything may take on a machine that has too much to do.
const busy = 6

// Until waits until something holds, which on an idle machine is so within a time, and gives up after several times
// that. What was seen last is told then.
func Until(t testing.TB, within time.Duration, what string, holds func() (seen string, ok bool)) {
	t.Helper()
	for end := time.Now().Add(busy * within); ; time.Sleep(100 * time.Millisecond) {
		seen, ok := holds()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for %s: %s", busy*within, what, seen)
		}
	}
}
