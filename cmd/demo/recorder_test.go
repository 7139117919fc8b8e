package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// Who ends the demo in the middle is not told that it has waited for as long as it would have; who lets it wait is.
func TestAnInterruptedWaitSaysSo(t *testing.T) {
	r := &recorder{changed: make(chan struct{}, 1)}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := func() bool { return false }
	err := r.wait(ended, 5*time.Minute, "v1 to be Complete", never)
	if err == nil || !strings.HasPrefix(err.Error(), "interrupted while waiting for v1 to be Complete") ||
		strings.Contains(err.Error(), "5m") {
		t.Errorf("%v", err)
	}
	err = r.wait(t.Context(), time.Millisecond, "v1 to be Complete", never)
	if err == nil || !strings.HasPrefix(err.Error(), "waited 1ms for v1 to be Complete") {
		t.Errorf("%v", err)
	}
}
