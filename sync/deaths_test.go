package sync

import (
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/render/child"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
)

// A Sync whose renders end processes is stopped, whichever commits they are of; a restart keeps that. A person who asks
// gets one more try, and when that is well the Sync goes on.
func TestASyncWhoseRendersEndProcessesIsStopped(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.add("platform", "agents", nil)
	w.fail("platform", &child.LostError{Folder: "platform/agents", Reason: "signal: killed"})
	stop := w.run()
	renders := func() int { return locked(w, func() int { return w.built["platform"] }) }
	for n := 1; n <= 6; n++ {
		w.until("death", func() bool { r := w.status("platform", "agents").Renders; return r != nil && len(r.Deaths) >= n })
		locked(w, func() bool { w.head["platform"] = commitOf(n + 1); return true })
		w.Poll("platform/agents")
	}
	stopped := func() bool {
		return strings.Contains(w.status("platform", "agents").Summary.Message, "nothing of this Sync is rendered")
	}
	w.until("end of the tries", stopped)
	stop()
	before := renders()
	locked(w, func() bool { w.head["platform"] = commitOf(8); return true })
	w.run()
	w.until("the same after a restart", func() bool {
		s := w.status("platform", "agents")
		n := len(s.Failed)
		return s.Head == commitOf(8) && stopped() && n > 0 && s.Failed[n-1].Commit == commitOf(8)
	})
	if n := renders(); n != before {
		t.Errorf("%d renders more", n-before)
	}
	w.fail("platform", nil)
	w.patch("platform", "agents", `{"metadata":{"annotations":{"daemongate.io/requested-at":"now"}}}`)
	w.until("rollout", func() bool { return w.status("platform", "agents").Summary.State == api.RollingOut })
	if r := w.status("platform", "agents").Renders; len(r.Deaths) != deaths.Suspect {
		t.Errorf("%d deaths are remembered", len(r.Deaths))
	}
}

// What the controller was preparing when it was killed is held against the Sync, once, before it is prepared again.
func TestAKillWhilePreparingIsRemembered(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	folder := t.TempDir()
	killed := must(deaths.Open(folder, time.Now()))
	must(killed.Begin("platform/agents", time.Now()))
	w.Preparing.Marks = must(deaths.Open(folder, time.Now()))
	w.add("platform", "agents", nil)
	stop := w.run()
	w.until("rollout", func() bool { return w.status("platform", "agents").Summary.State == api.RollingOut })
	stop()
	w.Preparing.Marks = must(deaths.Open(folder, time.Now()))
	if _, found := w.Preparing.Marks.Found("platform/agents"); found {
		t.Error("it is held against the Sync again")
	}
	w.run()
	if r := w.status("platform", "agents").Renders; r == nil || len(r.Deaths) != 1 {
		t.Errorf("%+v", r)
	}
}
