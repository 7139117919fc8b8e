package sync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// brakeStory is a broken agent, and how its DaemonSet rolls.
type brakeStory struct {
	strategy string // updateStrategy.rollingUpdate
	broken   string // the behaviour of v2
}

var brakeStories = map[string]brakeStory{
	"10% at a time, ends after half a second":      {"{maxUnavailable: 10%}", "crash"},
	"10% at a time, ends after 3 s":                {"{maxUnavailable: 10%}", "dies-after=3s"},
	"one at a time, ends after 10 s":               {"{maxUnavailable: 1}", "dies-after=10s"},
	"10% beside the old, ends after half a second": {"{maxSurge: 10%, maxUnavailable: 0}", "crash"},
}

// agent is the DaemonSet with this strategy. Its pods take their time to stop, as they were recorded to.
func (s brakeStory) agent(image, behaviour string) string {
	return strings.NewReplacer(
		"rollingUpdate: {maxUnavailable: 100%}", "rollingUpdate: "+s.strategy,
		"labels: {app: agent}}\n    spec", "labels: {app: agent}, annotations: {"+behaviourAnnotation+": \""+behaviour+
			"\"}}\n    spec",
		"terminationGracePeriodSeconds: 0", "terminationGracePeriodSeconds: 30",
	).Replace(agent(image))
}

// behaviourAnnotation has devcluster play what is wrong with a pod.
const behaviourAnnotation = "devcluster.daemongate.io/behaviour"

// Law 13, on 40 nodes: with the brake the agent loses the nodes that it had before its first end was answered, and no
// more. A broken pod's life, its start and the old pods' ends take as long as they were recorded to; no figure is
// scaled. The stories are told beside each other and no others, by Daemongate's own binary: how soon the brake is
// answered depends on how busy the machine is. What a rollout loses without the brake is measured by
// BenchmarkTheBrakeOn120Nodes.
func TestTheBrakeOn40Nodes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	const nodes = 40
	cluster := clustertest.Start(t, clustertest.Options{Nodes: nodes})
	if err := installSyncs(cluster); err != nil {
		t.Fatal(err)
	}
	for name, story := range brakeStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOn(t, cluster)
			_, end := w.brakes(story)
			t.Logf("%d of %d nodes were lost", end.lost, nodes)
			if end.lost >= nodes {
				t.Errorf("the agent was lost on all %d nodes", end.lost)
			}
		})
	}
}

// brakes breaks a story's agent with the brake allowed, and returns what was seen when the brake was pulled and when
// the commit was Stuck.
func (w *world) brakes(story brakeStory) (pulled, end figures) {
	w.t.Helper()
	s, bad := w.breakAgent(story, true)
	pulled = s.until("the brake", func(f figures) bool { return !f.obeyed.IsZero() })
	w.waitFor(bad, api.Stuck)
	end = s.now()
	w.t.Logf("first end to OnDelete applied %s, to the last old pod deleted %s",
		pulled.braked.Sub(pulled.firstEnd).Round(time.Millisecond),
		end.lastLost.Sub(pulled.firstEnd).Round(time.Millisecond))
	if n := s.defied(); n > 0 {
		w.t.Errorf("%d old pods were deleted after the brake was observed", n)
	}
	w.braked(true)
	return pulled, end
}

// breakAgent has a story's agent run, and then breaks it by a commit.
func (w *world) breakAgent(story brakeStory, brake bool) (s *spread, bad string) {
	w.t.Helper()
	w.ask(story, brake)
	w.process()
	w.completes("v1")
	return w.watchSpread(), w.push("broken", map[string]string{"agent.yaml": story.agent("v2", story.broken)})
}

// ask makes the Sync of a story and pushes v1. No node may fail.
func (w *world) ask(story brakeStory, brake bool) {
	w.t.Helper()
	w.push("v1", map[string]string{"agent.yaml": story.agent("v1", "")})
	w.create(func(s *api.SyncSpec) {
		s.Gate.FailureBudget = new(intstr.FromString("0"))
		s.Rollout.Brake, s.Rollout.Settle.Duration = &brake, 2*time.Second
	})
}

func (w *world) completes(what string) {
	w.t.Helper()
	w.wait(what+" to be Complete", func(s api.SyncStatus) bool { return s.LastComplete != "" && s.InFlight.Pruned })
}

// The nodes that the agent is broken on, of which one had the brake pulled, are deleted: the rollout goes on, and
// completes on the others.
func TestTheBrakeIsLiftedWhenItsNodesAreDeleted(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 6})
	if err := installSyncs(cluster); err != nil {
		t.Fatal(err)
	}
	story, nodes := brakeStory{strategy: "{maxUnavailable: 1}"}, []string{"node-001", "node-002", "node-003"}
	w := newWorldOn(t, cluster)
	w.ask(story, true)
	w.controller(cluster.Config, t.TempDir())
	w.completes("v1")
	spread := w.watchSpread()
	broken := strings.Replace(story.agent("v2", "crash"), behaviourAnnotation,
		"devcluster.daemongate.io/only-nodes: \""+strings.Join(nodes, ",")+"\", "+behaviourAnnotation, 1)
	v2 := w.push("broken on some nodes", map[string]string{"agent.yaml": broken})
	spread.until("the brake", func(f figures) bool { return !f.obeyed.IsZero() })
	w.waitFor(v2, api.Stuck)
	for _, name := range nodes {
		w.check(cluster.Devcluster("remove-node", name))
	}
	w.waitFor(v2, api.Complete)
	w.braked(false)
}

// The brake outlasts kill -9 and a commit that leaves the template alone, is pulled again when somebody undoes it, and
// ends with the fix.
func TestTheBrakeOutlastsEverythingButTheFix(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	story := brakeStory{strategy: "{maxUnavailable: 1}"}
	v1 := w.push("v1", map[string]string{"agent.yaml": story.agent("v1", "")})
	w.create(func(s *api.SyncSpec) { s.Gate.FailureBudget = new(intstr.FromString("0")) })
	p := w.process()
	w.waitFor(v1, api.Complete)
	spread := w.watchSpread()
	broken := w.push("broken", map[string]string{"agent.yaml": story.agent("v2", "crash")})
	spread.until("the brake", func(f figures) bool { return !f.obeyed.IsZero() })
	lost := spread.now().lost
	p.kill()

	p = w.process()
	w.waitFor(broken, api.Stuck)
	config := w.push("config", map[string]string{"config.yaml": configMap("config", "1")})
	w.waitFor(config, api.Stuck)
	w.braked(true)
	undo := []byte(`{"metadata":{"annotations":{"` + manifests.BrakeAnnotation +
		`":null}},"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`)
	for range 2 {
		_, err := w.kube.AppsV1().DaemonSets(w.namespace).Patch(t.Context(), "agent", "application/merge-patch+json",
			undo, metav1.PatchOptions{FieldManager: "somebody"})
		w.check(err)
		w.wait("the brake to be pulled again", func(api.SyncStatus) bool { return w.isBraked() })
	}
	if now := spread.now().lost; now > lost+4 {
		t.Errorf("%d of 12 nodes lost, %d when the brake was pulled", now, lost)
	}
	if n := spread.defied(); n > 0 {
		t.Errorf("%d old pods were deleted although the brake was observed", n)
	}
	fix := w.push("fix", map[string]string{"agent.yaml": story.agent("v3", "")})
	w.waitFor(fix, api.Complete)
	w.braked(false)
	p.kill()
}
