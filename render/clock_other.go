//go:build !linux

package render

import "time"

// threadClock tells nothing here: the time that passes counts as the processor's.
func threadClock() (spent func() (time.Duration, bool), release func()) {
	return func() (time.Duration, bool) { return 0, false }, func() {}
}
