package sync

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/rollout/observe"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/panics"
)

// Wherever something panics for one Sync, in its turn or beside it, the others roll out and are braked. The panic is told,
// tried again with pauses, and when nothing panics any more the Sync goes on as if it had been restarted.
func TestOneSyncsPanicStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for where, stalled := range map[string]bool{"teller": true, "writer": true, "look": true, "poll": false, "render": false,
		"reporter": false, "alerts": false} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := newStillWorld(t)
			panicking, caught := true, map[string]int{}
			w.panics = func(at, namespace string) {
				if at == where && namespace == "sick" && locked(w, func() bool { return panicking }) {
					panic("a fault")
				}
			}
			w.Panicked = func(s *api.Sync, p *panics.Panic) {
				locked(w, func() int { caught[s.Namespace]++; return 0 })
				if !strings.Contains(p.Stack, "still_world_test.go") {
					t.Errorf("the stack does not say where: %s", p.Stack)
				}
			}
			w.add("sick", "agents", func(s *api.SyncSpec) {
				s.Report.Provider = api.ProviderNotes
				s.Rollout.Pace = &api.Pace{Gates: &api.PaceGates{Alerts: &api.AlertsGate{URL: "https://alerts.example.com"}}}
			})
			w.run()
			w.until("panic", func() bool { return locked(w, func() bool { return caught["sick"] > 0 }) })
			w.add("platform", "agents", nil)
			w.until("rollout", func() bool { return w.status("platform", "agents").Summary.State == api.RollingOut })
			w.breaks("platform")
			w.until("brake", func() bool { return locked(w, func() bool { return !w.braked["platform"].IsZero() }) })
			w.until("second panic", func() bool { return locked(w, func() bool { return caught["sick"] > 1 }) })
			w.until("word of it in the status", func() bool { // which is written after the panic is counted
				s := w.status("sick", "agents")
				return stalled == isStalledByPanic(s) && (where != "poll" || sourcePanicked(s))
			})
			told := locked(w, func() string { return strings.Join(w.news, "\n") })
			if where != "teller" && !strings.Contains(told, "sick/agents Panicked ") || strings.Contains(told, "a fault\n") {
				t.Errorf("told: %s", told)
			}
			locked(w, func() bool { panicking = false; return true })
			w.until("recovery", func() bool {
				s := w.status("sick", "agents")
				return s.Summary.State == api.RollingOut && !isStalledByPanic(s) && !sourcePanicked(s)
			})
			if n := locked(w, func() int { return caught["platform"] }); n > 0 {
				t.Errorf("%d panics of another Sync", n)
			}
		})
	}
}

// A panic at what a watch has seen is the trouble of the Syncs whose rollout is looked at there: it is counted and told with
// their names, once, and their commit is not Complete meanwhile. Others go on, and they themselves when it is over.
func TestAPanicOfAWatchIsToldOfItsSyncs(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	counted := map[string]int{}
	w.Panicked = func(s *api.Sync, _ *panics.Panic) {
		locked(w, func() int { counted[s.Namespace+"/"+s.Name]++; return 0 })
	}
	p := panics.Catch("taking in Pod sick/agent", func() { panic("s3cr3t") })
	w.unseen["sick"] = errors.Join(&observe.WatchError{Kind: "pods", Namespace: "sick", Err: p})
	w.add("sick", "agents", nil)
	w.add("platform", "agents", nil)
	w.run()
	w.until("panic", func() bool { return locked(w, func() bool { return counted["sick/agents"] > 0 }) })
	w.until("rollout", func() bool { return w.status("platform", "agents").Summary.State == api.RollingOut })
	w.breaks("platform")
	w.until("brake", func() bool { return locked(w, func() bool { return !w.braked["platform"].IsZero() }) })
	if n := locked(w, func() int { return counted["sick/agents"] + counted["platform/agents"] }); n != 1 {
		t.Errorf("counted %d times", n)
	}
	told := locked(w, func() string { w.unseen["sick"] = nil; return strings.Join(w.news, "\n") })
	if !strings.Contains(told, "sick/agents Panicked taking in Pod sick/agent panicked") || strings.Contains(told, "s3cr3t") {
		t.Errorf("told: %s", told)
	}
	w.breaks("sick")
	w.until("brake", func() bool { return locked(w, func() bool { return !w.braked["sick"].IsZero() }) })
}

// Whatever an informer hands over, it is no end of the process: client-go would make it one.
func TestAnObjectThatIsNoneWakesNobody(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	var counted atomic.Int32
	w.Panicked = func(*api.Sync, *panics.Panic) { counted.Add(1) }
	w.start()
	for _, hostile := range []any{(*unstructured.Unstructured)(nil), (*api.Sync)(nil), nil, 7,
		&unstructured.Unstructured{Object: map[string]any{"metadata": 7}}, cache.DeletedFinalStateUnknown{}} {
		w.wake(hostile)
	}
	if counted.Load() == 0 {
		t.Error("no panic: the story is too tame")
	}
	w.queue.ShutDown()
}

func isStalledByPanic(s api.SyncStatus) bool {
	c := meta.FindStatusCondition(s.Conditions, api.ConditionStalled)
	return c != nil && c.Reason == "Panicked" && c.Status == "True" && strings.Contains(c.Message, "panicked")
}

func sourcePanicked(s api.SyncStatus) bool {
	c := meta.FindStatusCondition(s.Conditions, api.ConditionSource)
	return c != nil && c.Status == "False" && strings.Contains(c.Message, "the poll panicked")
}
