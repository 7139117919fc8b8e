package controller

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	measures "runtime/metrics"
	"strconv"
	"time"
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

// calmFor is how long little must be allocated until a busy time counts as over, and busyFor how long much must be
// until one has begun.
const (
	calmFor = 10 * busyFor
	busyFor = 3 * time.Second
)

// giveBack has the process take little memory where little is allocated, until ctx ends. Go's runtime lets as much
// garbage gather as is in use before it looks, and where little is allocated that takes long: a commit of all Syncs
// would double for good what the process takes. So what gathers is given back to the system after busy times, and less
// may gather in calm ones. Whoever has set GOGC decides the latter.
func giveBack(ctx context.Context) {
	gathers := gathering{set: func(percent int) { debug.SetGCPercent(percent) }}
	if os.Getenv("GOGC") != "" {
		gathers.set = func(int) {}
	}
	gathers.are(mostGathered)
	defer gathers.set(mostGathered)
	calm := heapNow()
	given := calm
	for last := calm; ; {
		for range calmFor / busyFor {
			select {
			case <-ctx.Done():
				return
			case <-time.After(busyFor):
			}
			now := heapNow()
			gathers.atLeast(now.mayGather(last, busyFor))
			last = now
		}
		if last.holdsTooMuch(calm, given) {
			debug.FreeOSMemory()
			last = heapNow()
			given = last
		}
		gathers.are(last.mayGather(calm, calmFor))
		calm = last
	}
}

// gathering is how much garbage may gather, in percent of what is in use.
type gathering struct {
	percent int // 0 if it was not set yet
	set     func(percent int)
}

func (g *gathering) are(percent int) {
	if g.percent != percent {
		g.set(percent)
	}
	g.percent = percent
}

func (g *gathering) atLeast(percent int) { g.are(max(percent, g.percent)) }

// How much garbage may gather at least and at most, in percent of what is in use. Above the least there are so many
// collections in calmFor. The most is two fifths of Go's own measure: objects are not moved, so what stays of a busy
// time lies spread over all that was in use at its height, and keeps most of that from going back to the system.
const (
	leastGathered, mostGathered = 10, 40

	collectionsWhileCalm = 3
)

// mayGather is how much garbage may gather where so much was allocated since an earlier look.
func (h heapUse) mayGather(since heapUse, within time.Duration) int {
	allocated := float64(h.allocated-since.allocated) * calmFor.Seconds() / within.Seconds()
	percent := 100 * allocated / collectionsWhileCalm / float64(max(h.live, 1))
	return int(min(max(percent, leastGathered), mostGathered))
}

// heapUse is what a process has of memory, in bytes.
type heapUse struct {
	allocated      uint64 // since it started
	live           uint64 // was in use when garbage was last collected
	occupied, free uint64 // by objects, garbage too; and by none
}

// spare is what is not worth a collection, and what a calm process may allocate within calmFor: many Syncs poll.
const spare = 8 << 20

// holdsTooMuch reports whether a heap is calm since an earlier look, and holds much that nothing needs, or has been
// busy since memory was given back last: what was in use when garbage was last collected may have been in use for that.
func (h heapUse) holdsTooMuch(since, given heapUse) bool {
	needless := h.free
	if h.occupied > h.live {
		needless += h.occupied - h.live
	}
	wasBusy := h.allocated-given.allocated > h.live/2+spare
	return h.allocated-since.allocated < h.live/4+spare && (wasBusy || needless > h.live/4+spare)
}

// heapNow is that of this process.
func heapNow() heapUse {
	samples := []measures.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	measures.Read(samples)
	var values [4]uint64
	for i, s := range samples {
		if s.Value.Kind() == measures.KindUint64 {
			values[i] = s.Value.Uint64()
		}
	}
	return heapUse{values[0], values[1], values[2], values[3]}
}
