package child

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// memoryEvery is how often a process that renders looks how much memory it has taken.
const memoryEvery = 10 * time.Millisecond

// A child that holds little lets garbage lie until it comes to four times what is in use, and one that has ever taken
// more than plenty does as Go does by default: most renders are over before their garbage is worth collecting.
const (
	fewCollections   = 400 // percent
	usualCollections = 100
	plenty           = 40 << 20
)

// watchMemory holds the process to a limit, and closes the channel when it has taken more all the same. Before that the
// garbage is collected ever more eagerly, so that what counts is what is really held.
func watchMemory(stop <-chan struct{}, limit int64) (exceeded <-chan struct{}) {
	before := debug.SetMemoryLimit(limit - limit/8)
	over := make(chan struct{})
	thrifty := sync.OnceFunc(func() { debug.SetGCPercent(usualCollections) })
	go func() {
		defer debug.SetMemoryLimit(before)
		ticks := time.NewTicker(memoryEvery)
		defer ticks.Stop()
		for now := taken(); now <= limit; now = taken() {
			if now > plenty {
				thrifty()
			}
			select {
			case <-stop:
				return
			case <-ticks.C:
			}
		}
		close(over)
	}()
	return over
}

// taken is how many bytes the process has from the system, for whatever purpose, but for its program.
func taken() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
