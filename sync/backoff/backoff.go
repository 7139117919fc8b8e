// Package backoff says how long to wait before what failed is tried again.
package backoff

import "time"

// After doubles from base to limit with every attempt after the first.
func After(attempts int, base, limit time.Duration) time.Duration {
	d := base
	for i := 1; i < attempts && d < limit; i++ {
		d *= 2
	}
	return min(d, limit)
}
