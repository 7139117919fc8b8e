package sync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// canaryOf is the DaemonSet of a Sync that goes before, beside the one named agent.
func canaryOf(daemonSet string) string {
	return strings.NewReplacer("name: agent}", "name: canary}", "app: agent", "app: canary").Replace(daemonSet)
}

// A Sync goes after another one of its namespace: a commit starts once it has been Complete there for as long as was asked
// for. One that is stuck there never starts here, and says for whom it waits; the fix goes the same way.
func TestACommitGoesThroughTheCanaryFirst(t *testing.T) {
	t.Parallel()
	const soak = 2 * time.Second
	w := newWorld(t)
	w.check(mkdir(w.work, "canary", "rest"))
	push := func(version string, made func(daemonSet string) string) string {
		return w.push(version, map[string]string{"canary/agent.yaml": made(canaryOf(small(version))),
			"rest/agent.yaml": made(small(version))})
	}
	well := func(daemonSet string) string { return daemonSet }
	v1 := push("v1", well)
	w.create(func(s *api.SyncSpec) {
		s.Source.Path, s.Gate.After = "rest", []api.After{{Sync: "canary", Soak: metav1.Duration{Duration: soak}}}
	})
	w.createAs("canary", func(s *api.SyncSpec) { s.Source.Path, s.Report.Provider = "canary", api.ProviderNone })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	if began, ripe := w.status().InFlight.Since.Time, recordOf(w.of("canary"), v1).Since.Add(soak); began.Before(ripe) {
		t.Errorf("it began at %s, and was to wait until %s", began, ripe)
	}

	v2 := push("v2", crashing)
	w.says(v2, api.Held, "waits for Sync canary, which is stuck at "+api.Short(v2))
	v3 := push("v3", well)
	w.waitFor(v3, api.Complete)
	if r := recordOf(w.status(), v2); r == nil || r.State != api.Carried {
		t.Errorf("what was stuck at the canary is %+v here", r)
	}
	if d := must(w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})); d.Generation != 2 {
		t.Errorf("the DaemonSet is in generation %d, want 2: v1 and v3", d.Generation)
	}
}

// A person holds everything in all clusters by a ref of the repository: what is pushed from then on waits, and says who
// holds it and why. When that is lifted it starts.
func TestWhatIsHeldInAllClustersWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.Report.Provider = api.ProviderNone })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	to := must(remote.New(w.url, remote.Auth{}, remote.Options{}))
	t.Cleanup(to.Close)
	w.check(forge.Hold{What: forge.HoldAll, By: "ada", Reason: "incident 4711", At: time.Now()}.Put(t.Context(), to))
	v2 := w.push("v2", map[string]string{"a.yaml": configMap("a", "2")})
	w.says(v2, api.Held, "held in all clusters by ada: incident 4711")
	w.check(forge.Lift(t.Context(), to, forge.HoldAll))
	w.waitFor(v2, api.Complete)
}
