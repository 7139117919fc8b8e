package sync

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
)

// A stage begins inside a window alone. One that has begun goes on when the window has closed, and after a death; the next
// one waits, of which people and the Git host are told until when, and no deadline runs. A person's pause, and another
// process, change nothing of that. When the window opens it waits still while a person holds all commits in all clusters;
// then the rollout goes on by itself.
func TestAStageBeginsInsideAWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ears, data := &hears{teller: teller{t}, kind: NewsStage}, t.TempDir()
	run := func(config *rest.Config) (stop func()) {
		c := w.newController(w.namespace, config, data)
		c.Teller = ears
		return w.start(c)
	}
	// The windows are edited, and the clock is not moved: to one that is ahead all nodes would seem to be dead.
	opened := time.Now().UTC().Add(-time.Hour).Truncate(time.Minute)
	opens := opened.Add(13 * time.Hour)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.create(func(s *api.SyncSpec) {
		unapproved(s)
		s.Rollout.Pace.MaxUnavailable = new(intstr.FromInt32(1))
		s.Windows = []api.Window{allow(daily(opened), "UTC", 6*time.Hour)}
	})
	stop := run(shared.Config)
	w.waitFor(v1, api.Complete)
	stop()

	v2 := w.push("v2", map[string]string{"agent.yaml": pacedAgent("v2", "")})
	m := &mortal{left: 1, after: true, of: "/eviction", dead: make(chan struct{})}
	stop = run(m.connection())
	w.until("the first canary to go", m.isDead)
	w.window(opens) // the other one has closed while the process was dead
	stop()
	stop = run(shared.Config)
	onCanaries := func(when string) {
		t.Helper()
		if on := w.nodesWith("v2"); !slices.Equal(on, canaries) {
			t.Errorf("%s it is on %v", when, on)
		}
	}
	st := w.stage(v2, 2, api.StageWindow)
	onCanaries("outside the window")
	says := "no window is open; the next opens " + opens.Format("Mon 2006-01-02 15:04 MST")
	if st.Begun || st.Until == nil || !st.Until.Time.Equal(opens) || st.Message != says {
		t.Errorf("it waits like this: %+v", st)
	}
	w.until("the Event", func() bool {
		return ears.said("WindowWaited: stage 2 of 2 (rest) waits for a window: " + says)
	})
	w.told(v2, "stage 2 of 2, waits for a window that opens "+pacing.Clock(opens))
	w.wait("the next window", func(s api.SyncStatus) bool { return s.NextWindow != nil && s.NextWindow.Time.Equal(opens) })

	w.deadline("1s") // which would be over soon, if it ran
	w.check(w.syncs.Pause(t.Context(), w.namespace, "agents", api.Pause{Reason: "the fair", By: "ann", At: metav1.Now()}))
	w.stage(v2, 2, api.StagePaused)
	stop()
	stop = run(shared.Config)
	w.waitFor(w.push("while it is paused", map[string]string{"a.yaml": configMap("a", "1")}), api.Held)
	w.stage(v2, 2, api.StagePaused)
	_, err := w.syncs.Unpause(t.Context(), w.namespace, "agents")
	w.check(err)
	w.stage(v2, 2, api.StageWindow)
	over := time.Now().Add(3 * time.Second)
	w.until("the deadline to be over", func() bool { return time.Now().After(over) })
	w.waitFor(w.push("later", map[string]string{"a.yaml": configMap("a", "2")}), api.Held) // so it has had turns
	if f := w.status().InFlight; f.Commit != v2 || f.State != api.RollingOut || f.Stage.WaitsFor != api.StageWindow {
		t.Errorf("after the deadline it is %+v, in %+v", f, f.Stage)
	}
	onCanaries("after a pause and a restart")
	w.deadline("5m")

	to := must(remote.New(w.url, remote.Auth{}, remote.Options{}))
	hold := forge.Hold{What: forge.HoldAll, By: "ann", Reason: "incident 4711", At: time.Now()}
	w.check(hold.Put(t.Context(), to))
	w.waitFor(w.push("held", map[string]string{"a.yaml": configMap("a", "3")}), api.Held)
	w.window(opened)
	if st := w.stage(v2, 2, api.StageHold); st.Begun || st.Message != "held in all clusters by ann: incident 4711" {
		t.Errorf("it waits like this: %+v", st)
	}
	onCanaries("held in all clusters")

	w.check(forge.Lift(t.Context(), to, hold.What))
	w.waitFor(v2, api.Complete)
	stop()
}

func daily(at time.Time) string { return fmt.Sprintf("%d %d * * *", at.Minute(), at.Hour()) }

// window has the Sync's only window open every day at a time of UTC.
func (w *world) window(at time.Time) {
	w.t.Helper()
	w.patch(`{"spec":{"windows":[{"allow":"` + daily(at) + `","timeZone":"UTC","duration":"6h"}]}}`)
}

// deadline has the controller see another progress deadline.
func (w *world) deadline(d string) {
	w.t.Helper()
	w.patch(`{"spec":{"gate":{"progressDeadline":"` + d + `"}}}`)
	s, err := w.syncs.Get(w.t.Context(), w.namespace, "agents")
	w.check(err)
	w.wait("the deadline to be seen", func(now api.SyncStatus) bool { return now.ObservedGeneration >= s.Generation })
}
