package proven

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
)

// BenchmarkOneOfAThousand is what a commit costs that changes one of 1,000 objects, from the rendered set to the last
// answer to its apply; beside the full way, which asks about all of them and applies them.
func BenchmarkOneOfAThousand(b *testing.B) {
	w := newWorld(b)
	w.commit(w.set(configMaps(1000, "v1", nil)...))
	var full, proven cost
	for round := range b.N {
		next := func(way string) manifests.Set {
			return w.set(configMaps(1000, "v1", map[int]string{7: fmt.Sprint(way, round, time.Now())})...)
		}
		full.add(w.costOf(next("full"), w.fully))
		w.commit(next("between")) // the full way leaves no proofs
		proven.add(w.costOf(next("proven"), func(set manifests.Set) { w.commit(set) }))
	}
	full.report(b, "full-")
	proven.report(b, "")
	b.ReportMetric(full.own.Seconds()/proven.own.Seconds(), "times-less-CPU")
	b.ReportMetric(full.server/max(proven.server, 0.001), "times-less-server-CPU")
}

// BenchmarkAllOfTen is what a commit costs for each of ten objects that it changes.
func BenchmarkAllOfTen(b *testing.B) {
	w := newWorld(b)
	w.commit(w.set(configMaps(10, "v1", nil)...))
	var full, proven cost
	for round := range b.N {
		full.add(w.costOf(w.set(configMaps(10, fmt.Sprint("full", round), nil)...), w.fully))
		w.commit(w.set(configMaps(10, fmt.Sprint("between", round), nil)...))
		proven.add(w.costOf(w.set(configMaps(10, fmt.Sprint("proven", round), nil)...),
			func(set manifests.Set) { w.commit(set) }))
	}
	b.ReportMetric(float64(full.requests)/float64(10*b.N), "full-requests/object")
	b.ReportMetric(float64(proven.requests)/float64(10*b.N), "requests/object")
}

// BenchmarkAFirstApply is what the first commit of a Sync costs, of 1,000 objects that are not there; beside the full
// way, which looks at each before it is asked about, and before it is written.
func BenchmarkAFirstApply(b *testing.B) {
	w := newWorld(b)
	w.commit(w.set(configMaps(10, "v1", nil)...)) // what is asked once of a cluster has been asked
	var full, proven cost
	for range b.N {
		full.add(w.costOf(w.freshSet(1000), w.fully))
		w.memory = &Memory{}
		proven.add(w.costOf(w.freshSet(1000), func(set manifests.Set) { w.commit(set) }))
	}
	full.report(b, "full-")
	proven.report(b, "")
	b.ReportMetric(full.own.Seconds()/proven.own.Seconds(), "times-less-CPU")
	b.ReportMetric(full.server/max(proven.server, 0.001), "times-less-server-CPU")
}

// freshSet are n objects that are not there, for all others are deleted.
func (w *world) freshSet(n int) manifests.Set {
	w.t.Helper()
	err := w.others.Resource(configMapResource).Namespace(w.ns).DeleteCollection(w.ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: manifests.OwnerLabel})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.set(configMaps(n, "v1", nil)...)
}

// fully asks about all of a set, and applies it.
func (w *world) fully(set manifests.Set) {
	must(w.client.Preview(w.ctx, set, w.options))(w.t)
	must(w.client.Apply(w.ctx, set, w.options))(w.t)
}

// cost is what something takes: requests, and processor time here and at the API server.
type cost struct {
	requests int
	own      time.Duration
	server   float64
	times    int
}

func (c *cost) add(other cost) {
	c.requests, c.own, c.server, c.times = c.requests+other.requests, c.own+other.own, c.server+other.server, c.times+1
}

func (c *cost) report(b *testing.B, prefix string) {
	b.ReportMetric(float64(c.requests)/float64(c.times), prefix+"requests")
	b.ReportMetric(c.own.Seconds()*1000/float64(c.times), prefix+"CPU-ms")
	b.ReportMetric(c.server*1000/float64(c.times), prefix+"server-CPU-ms")
}

func (w *world) costOf(set manifests.Set, do func(manifests.Set)) cost {
	runtime.GC() // of what was there before
	server, own := w.serverTime(), ownTime(w.t)
	made := w.counted.during(func() { do(set) })
	own = ownTime(w.t) - own
	return cost{requests: len(made), own: own, server: w.serverTime() - server, times: 1}
}

// ownTime is the processor time of this process.
func ownTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// serverTime is the processor time of the API server in seconds, as it counts it itself.
func (w *world) serverTime() float64 {
	w.t.Helper()
	config := rest.CopyConfig(shared.Start(w.t).Config)
	asked := must(discovery.NewDiscoveryClientForConfig(config))(w.t)
	text := must(asked.RESTClient().Get().AbsPath("/metrics").DoRaw(w.ctx))(w.t)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); found {
			return must(strconv.ParseFloat(value, 64))(w.t)
		}
	}
	w.t.Fatal("the API server does not count its processor time")
	return 0
}
