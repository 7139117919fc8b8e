package child

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// slack is what the kernel lets a process have beyond its limit. The watch, which says what happened, shall come first.
const slack = 64 << 20

// confine has the kernel refuse a single piece of memory that is larger than all that is left: it would be there before
// the watch looks again. What the process has not used yet counts as well, hence the slack.
func confine(limit int64) {
	most := uint64(dataSize() - taken() + limit + slack)
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most}) // the watch holds without it, too
}

// threads is how many threads a child has before it is confined: more than Go's runtime is likely to want for one
// render.
const threads = 16

// makeThreads has the runtime make its threads now. With libc each needs a stack of some MiB, and a process that gets
// none aborts: so a render that takes all its memory shall not be the one that wants a further thread.
func makeThreads() {
	var all sync.WaitGroup
	all.Add(threads)
	for range threads {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread() // the runtime keeps the thread
			all.Done()
			all.Wait()
		}()
	}
	all.Wait()
}

// dataSize is how much of its memory the kernel counts against that limit, in bytes.
func dataSize() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmData:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}

// firstToGo has the kernel end this process before any other when the machine is out of memory.
func firstToGo() { _ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) }

// keepFiles has no child inherit what this process itself inherited: its own files Go keeps to itself.
func keepFiles() { _ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC) }
