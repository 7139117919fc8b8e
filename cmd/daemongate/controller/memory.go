package controller

import (
	"fmt"
	"runtime/debug"
	"strconv"
)

// MemoryLimit is the environment variable with the memory in bytes that the container may take, renders included.
const MemoryLimit = "DAEMONGATE_MEMORY_LIMIT"

// LeastMemory is what the controller needs for itself.
const LeastMemory = 128 << 20

// limitMemory has the garbage of this process collected before it takes more than its part of what the container may:
// all that renders do not, but for an eighth, which is for what Go does not count. Without a limit nothing is done.
func limitMemory(text string, renders int64) error {
	if text == "" {
		return nil
	}
	limit, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%s=%q is no number of bytes", MemoryLimit, text)
	}
	own := limit - renders
	if own < LeastMemory {
		return fmt.Errorf("of %d MiB that the container may take (%s), %d MiB are for renders (--render-memory), and "+
			"what is left is less than the %d MiB that the controller needs: allow the container more, or them less",
			limit>>20, MemoryLimit, renders>>20, LeastMemory>>20)
	}
	debug.SetMemoryLimit(own - own/8)
	return nil
}
