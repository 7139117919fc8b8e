package child

import (
	"time"

	"golang.org/x/sys/unix"
)

// processClock tells how much processor time a process has taken since now.
func processClock(pid int) spentFunc {
	// The number of a process's clock is made of the process's: see CPUCLOCK_SCHED in Linux,
	// include/linux/posix-timers_types.h, and clock_getcpuclockid(3).
	clock := int32(^pid)<<3 | 2
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
	}
}
