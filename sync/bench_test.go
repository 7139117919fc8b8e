package sync

import (
	"net/http"
	"slices"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// BenchmarkPushToApply is how long it takes from a push to the first write of its set, with the poll woken by
// hand as a webhook wakes it.
func BenchmarkPushToApply(b *testing.B) {
	w, s := newBench(b, nil)
	var took []time.Duration
	for b.Loop() {
		next := w.push("next", map[string]string{"config.yaml": configMap("config", time.Now().String())})
		pushed := time.Now()
		s.controller.Poll(w.namespace + "/agents")
		w.waitFor(next, api.Complete)
		took = append(took, s.firstAfter(pushed).Sub(pushed))
	}
	reportTimes(b, took)
}

// BenchmarkSettledToNextWrite is how long it takes from the instant at which the last pod of a commit has settled
// to the first write of the next one, which waits at the gate.
func BenchmarkSettledToNextWrite(b *testing.B) {
	w, s := newBench(b, func(spec *api.SyncSpec) { spec.Rollout.Settle.Duration = 3 * time.Second })
	var took []time.Duration
	for b.Loop() {
		first := w.push("first", map[string]string{"agent.yaml": agent("v2")})
		s.controller.Poll(w.namespace + "/agents")
		w.waitFor(first, api.RollingOut)
		next := w.push("next", map[string]string{"agent.yaml": agent("v3")})
		s.controller.Poll(w.namespace + "/agents")
		w.waitFor(next, api.Held)
		settled := w.lastReady().Add(3 * time.Second)
		w.waitFor(next, api.Complete)
		took = append(took, s.firstAfter(settled).Sub(settled))
	}
	reportTimes(b, took)
}

// bench is a controller whose writes are watched.
type bench struct {
	controller *Controller
	mu         gosync.Mutex
	writes     []time.Time
}

// newBench brings a Sync to its first complete commit. It polls only when it is woken.
func newBench(b *testing.B, change func(*api.SyncSpec)) (*world, *bench) {
	w, s := newWorld(b), &bench{}
	first := w.push("v1", map[string]string{"agent.yaml": agent("v1"), "config.yaml": configMap("config", "1")})
	w.create(func(spec *api.SyncSpec) {
		spec.Source.Interval.Duration = time.Hour
		if change != nil {
			change(spec)
		}
	})
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch && r.URL.Query().Get("dryRun") == "" {
				s.mu.Lock()
				s.writes = append(s.writes, time.Now())
				s.mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	s.controller, _ = w.run(config, b.TempDir())
	w.waitFor(first, api.Complete)
	return w, s
}

// firstAfter is when the first object was written after an instant.
func (s *bench) firstAfter(t time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.writes, func(w time.Time) bool { return w.After(t) })
	if i < 0 {
		return time.Time{}
	}
	return s.writes[i]
}

func reportTimes(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

// BenchmarkEndToBrake is how long it takes from the first end of a container to OnDelete applied, as watches tell of
// both.
func BenchmarkEndToBrake(b *testing.B) {
	story := brakeStory{strategy: "{maxUnavailable: 1}"}
	w, s := newBench(b, func(spec *api.SyncSpec) {
		spec.Gate.FailureBudget, spec.Rollout.Settle.Duration = new(intstr.FromInt32(0)), 2*time.Second
	})
	to := func(image, behaviour string, state api.CommitState) {
		next := w.push(image, map[string]string{"agent.yaml": story.agent(image, behaviour)})
		s.controller.Poll(w.namespace + "/agents")
		w.waitFor(next, state)
	}
	var took []time.Duration
	for b.Loop() {
		to("v3", "", api.Complete)
		spread := w.watchSpread()
		to("v4", "crash", api.Stuck)
		f := spread.until("the brake", func(f figures) bool { return !f.braked.IsZero() })
		took = append(took, f.braked.Sub(f.firstEnd))
	}
	reportTimes(b, took)
}
