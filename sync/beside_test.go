package sync

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/turns"
)

// hang adds Syncs of a namespace whose renders never end, and some whose Git servers never answer.
func (w *stillWorld) hang(namespace string, renders, servers int) {
	for i := range renders {
		w.add(namespace, fmt.Sprint("render", i), func(s *api.SyncSpec) { s.Source.Path = namespace + "/" + hangingFolder })
	}
	for i := range servers {
		w.add(namespace, fmt.Sprint("server", i), func(s *api.SyncSpec) { s.Source.URL = hangingServer })
	}
}

// Law 15: while every render of a namespace hangs, and every Git server that it names, all turns of all others go on: a
// commit of another namespace is prepared, applied, judged and braked. Nothing here ever ends, so nobody waits for it.
func TestHangingRendersAndServersKeepNobodyFromBeingBraked(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.hang("slow", 20, 20)
	w.run()
	w.until("render that hangs", func() bool { return locked(w, func() bool { return w.hangs["slow"] == 2 }) })
	for _, namespace := range []string{"platform", "other"} {
		w.add(namespace, "agents", nil)
		w.until("rollout", func() bool { return w.status(namespace, "agents").Summary.State == api.RollingOut })
		w.breaks(namespace)
		w.until("brake", func() bool { return locked(w, func() bool { return !w.braked[namespace].IsZero() }) })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hangs["slow"] != 2 || w.ended != 0 || w.most > 4 {
		t.Errorf("%d renders hang, %d have ended, %d were there at once: the story is too tame", w.hangs["slow"], w.ended,
			w.most)
	}
}

// Law 15: nor do writes that nobody answers, such as those for which an admission webhook of a namespace is asked. Here
// more turns than there are workers hang in their own writes, for ever.
func TestWritesThatNobodyAnswersKeepNobodyFromBeingBraked(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.stalled["slow"] = true
	for i := range 20 {
		w.add("slow", fmt.Sprint("write", i), nil)
	}
	w.run()
	w.until("writes that hang", func() bool { return locked(w, func() bool { return w.stalls["slow"] >= 10 }) })
	for _, namespace := range []string{"platform", "other"} {
		w.add(namespace, "agents", nil)
		w.until("rollout", func() bool { return w.status(namespace, "agents").Summary.State == api.RollingOut })
		w.breaks(namespace)
		w.until("brake", func() bool { return locked(w, func() bool { return !w.braked[namespace].IsZero() }) })
	}
	if n := locked(w, func() int { return w.stalls["slow"] }); n > turns.DefaultNamespace {
		t.Errorf("%d turns of one namespace are under way", n)
	}
}

// A Sync's own next commit that never ends being prepared keeps what is in flight from being braked as little: here the
// one in flight is Complete for a moment only. What is prepared is given up when it is no longer wanted.
func TestAPreparationEndsWhenNobodyWantsIt(t *testing.T) {
	t.Parallel()
	for name, unwanted := range map[string]string{
		"suspended":      `{"spec":{"suspend":true},"metadata":{"generation":2}}`,
		"another folder": `{"spec":{"source":{"path":"slow/agents"}},"metadata":{"generation":2}}`,
		"gone":           "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newStillWorld(t)
			w.hang("slow", 1, 0)
			w.run()
			w.until("render that hangs", func() bool { return locked(w, func() bool { return w.hangs["slow"] == 1 }) })
			w.patch("slow", "render0", unwanted)
			w.until("end of it", func() bool { return locked(w, func() bool { return w.ended == 1 }) })
			if strings.Contains(unwanted, "path") {
				w.until("rollout", func() bool { return w.status("slow", "render0").Summary.State == api.RollingOut })
			}
			if hangs := locked(w, func() int { return w.hangs["slow"] }); hangs != 1 {
				t.Errorf("%d renders", hangs)
			}
		})
	}
}

// A suspended Sync is not polled, but what it rolls out is braked also by a controller that has taken over and has nothing
// of its repository yet: that is read once.
func TestASuspendedSyncIsBrakedByWhoTakesOver(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.add("platform", "agents", nil)
	stop := w.run()
	w.until("rollout", func() bool { return w.status("platform", "agents").Summary.State == api.RollingOut })
	w.patch("platform", "agents", `{"spec":{"suspend":true},"metadata":{"generation":2}}`)
	w.until("suspension", func() bool {
		return meta.IsStatusConditionTrue(w.status("platform", "agents").Conditions, api.ConditionSuspended)
	})
	stop()
	locked(w, func() bool { delete(w.wakes, "platform/agents"); return true }) // that of the controller that is gone
	w.run()
	w.until("watch", func() bool {
		return locked(w, func() bool { return w.wakes["platform/agents"] != nil }) && w.Find("platform/agents") != nil
	})
	w.breaks("platform")
	w.until("brake", func() bool { return locked(w, func() bool { return !w.braked["platform"].IsZero() }) })
}

// A commit that is pushed while another one is prepared takes its place.
func TestAPreparationEndsForANewerCommit(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.hang("slow", 1, 0)
	w.run()
	w.until("render that hangs", func() bool { return locked(w, func() bool { return w.hangs["slow"] == 1 }) })
	locked(w, func() bool { w.head["slow"] = commitOf(2); return true })
	w.Poll("slow/render0")
	w.until("render of the newer one", func() bool { return locked(w, func() bool { return w.hangs["slow"] == 2 && w.ended == 1 }) })
}

// A controller that is stopped waits for no render, and tells nobody that a render came to nothing.
func TestAStopEndsPreparations(t *testing.T) {
	w := newStillWorld(t)
	w.hang("slow", 20, 20)
	stop := w.run()
	w.until("render that hangs", func() bool { return locked(w, func() bool { return w.hangs["slow"] == 2 }) })
	stop()
	if told := locked(w, func() string { return strings.Join(w.news, "\n") }); strings.Contains(told, "canceled") {
		t.Errorf("told:\n%s", told)
	}
}

// What a stop cuts off in the middle of a write is no trouble, and nobody is told of any.
func TestAStopIsNoTrouble(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.add("slow", "agents", nil)
	w.stalled["slow"] = true
	stop := w.run()
	w.until("write that hangs", func() bool { return locked(w, func() bool { return w.stalls["slow"] > 0 }) })
	stop()
	if told := locked(w, func() string { return strings.Join(w.news, "\n") }); strings.Contains(told, string(NewsTrouble)) {
		t.Errorf("told:\n%s", told)
	}
}

// Law 4, with a preparation that a restart has lost: a brake that needs the set in flight has it rendered again beside
// the turns, ahead of whatever hangs, and is pulled then.
func TestABrakeAfterARestartWaitsForNoHangingRender(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.add("platform", "agents", nil)
	stop := w.run()
	w.until("rollout", func() bool { return w.status("platform", "agents").Summary.State == api.RollingOut })
	stop()
	w.hang("platform", 20, 0)
	w.hang("slow", 20, 0)
	w.breaks("platform")
	w.panics = func(at, _ string) { // the set is asked for only when everything is taken that there is for others
		if at == "look" {
			w.until("hanging renders", func() bool { // a stop ends these, and more are counted then
				return locked(w, func() bool { return w.hangs["platform"] >= 2 && w.hangs["slow"] >= 2 })
			})
		}
	}
	w.run()
	w.until("brake", func() bool { return locked(w, func() bool { return !w.braked["platform"].IsZero() }) })
	if n := locked(w, func() int { return w.writes["platform"] }); n != 1 {
		t.Errorf("the commit was written %d times", n)
	}
}

// BenchmarkBrakeBesideHangingRenders is how long it takes from the end of a container, as a watch tells of it, to the
// order to brake: alone, and beside 20 Syncs that render for ever and 20 whose servers never answer.
func BenchmarkBrakeBesideHangingRenders(b *testing.B) {
	for name, hanging := range map[string]int{"alone": 0, "beside": 20} {
		b.Run(name, func(b *testing.B) {
			w := newStillWorld(b)
			w.hang("slow", hanging, hanging)
			w.run()
			w.until("render that hangs", func() bool { return locked(w, func() bool { return hanging == 0 || w.hangs["slow"] == 2 }) })
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				namespace := fmt.Sprint("platform", n)
				w.add(namespace, "agents", nil)
				w.until("rollout", func() bool { return w.status(namespace, "agents").Summary.State == api.RollingOut })
				time.Sleep(2 * lookPause)
				since := w.breaks(namespace)
				w.until("brake", func() bool { return locked(w, func() bool { return !w.braked[namespace].IsZero() }) })
				took = append(took, locked(w, func() time.Time { return w.braked[namespace] }).Sub(since))
			}
			reportTimes(b, took)
		})
	}
}
