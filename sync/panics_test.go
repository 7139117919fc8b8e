package sync

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/panics"
)

// Wherever something panics for one Sync, in its turn or beside it, the others roll out and are braked. The panic is told,
// tried again with pauses, and when nothing panics any more the Sync goes on as if it had been restarted.
func TestOneSyncsPanicStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for where, stalled := range map[string]bool{"teller": true, "writer": true, "look": true, "poll": false, "render": false,
		"reporter": false} {
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
			w.add("sick", "agents", func(s *api.SyncSpec) { s.Report.Provider = api.ProviderNotes })
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

func isStalledByPanic(s api.SyncStatus) bool {
	c := meta.FindStatusCondition(s.Conditions, api.ConditionStalled)
	return c != nil && c.Reason == "Panicked" && c.Status == "True" && strings.Contains(c.Message, "panicked")
}

func sourcePanicked(s api.SyncStatus) bool {
	c := meta.FindStatusCondition(s.Conditions, api.ConditionSource)
	return c != nil && c.Status == "False" && strings.Contains(c.Message, "the poll panicked")
}
