package manifests

import (
	"context"
	"time"
)

// tries is how often an object is looked at and written, or deleted as it was looked at, while others keep writing it: as a
// DaemonSet's controller does several times a second while its pods come up.
const tries = 7

// afterConflict waits before the next of the tries, each time twice as long: 10 ms, and 320 ms before the last.
func afterConflict(ctx context.Context, try int) {
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond << try):
	}
}
