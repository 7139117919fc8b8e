package render

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// threadClock binds the calling goroutine to its thread, and returns what tells how much processor time the thread has
// taken since. The clock may be read from anywhere until release, which the goroutine itself must call.
func threadClock() (spent func() (time.Duration, bool), release func()) {
	runtime.LockOSThread()
	// The number of a thread's clock is made of the thread's: see CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED in Linux,
	// include/linux/posix-timers_types.h, and clock_getcpuclockid(3).
	clock := int32(^unix.Gettid())<<3 | 6
	read := func() (time.Duration, bool) {
		var t unix.Timespec
		if err := unix.ClockGettime(clock, &t); err != nil {
			return 0, false
		}
		return time.Duration(t.Nano()), true
	}
	began, ok := read()
	return func() (time.Duration, bool) {
		now, still := read()
		return now - began, ok && still
	}, runtime.UnlockOSThread
}
