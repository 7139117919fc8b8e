package clustertest

import (
	"testing"
	"time"
)

// Until waits, for so long at most, until something holds. What was seen last is told if it does not.
func Until(t testing.TB, within time.Duration, what string, holds func() (seen string, ok bool)) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		seen, ok := holds()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for %s: %s", within, what, seen)
		}
	}
}
