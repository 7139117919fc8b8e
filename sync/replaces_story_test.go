package sync

import (
	"context"
	"fmt"
	"strings"
	gosync "sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// holding is a DaemonSet of a name with a host port on all nodes, one at a time.
func holding(name, image string, port int) string {
	return strings.NewReplacer("name: agent}\n", "name: "+name+"}\n", "app: agent", "app: "+name, "100%", "1",
		"image:", fmt.Sprintf("ports: [{containerPort: 8080, hostPort: %d}], image:", port)).Replace(agent(image))
}

// A commit that gives a DaemonSet with a host port another name can never roll out: the old one holds the port until it
// is pruned, which is after the rollout. It is Failed, says which two and what to do, and nothing of it is written.
func TestRenameWithAHostPortIsRefused(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	v1 := w.push("v1", map[string]string{"agent.yaml": holding("old", "v1", 18101), "config.yaml": configMap("config",
		"1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	renamed := w.push("renamed", map[string]string{"agent.yaml": holding("new", "v1", 18101),
		"config.yaml": configMap("config", "2")})
	r := w.waitFor(renamed, api.Failed)
	for _, word := range []string{"DaemonSet " + w.namespace + "/new", "DaemonSet " + w.namespace + "/old",
		"host port 18101/TCP", "12 nodes", manifests.ReplacesAnnotation + ": old"} {
		if !strings.Contains(r.Message.Private, word) {
			t.Errorf("%q does not say %s", r.Message.Private, word)
		}
	}
	if _, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "new",
		metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the new DaemonSet was written: %v", err)
	}
	config, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "config", metav1.GetOptions{})
	w.check(err)
	if config.Data["key"] != "1" {
		t.Error("the commit was written in part")
	}
	both := w.push("both", map[string]string{"old.yaml": holding("old", "v1", 18101)})
	if r := w.waitFor(both, api.Failed); !strings.Contains(r.Message.Private, "both want host port 18101/TCP") {
		t.Errorf("two of one commit: %q", r.Message.Private)
	}
	other := w.push("another port", map[string]string{"agent.yaml": holding("new", "v1", 18102), "old.yaml": ""})
	w.waitFor(other, api.Complete)
}

// renamed is what DaemonSet new looks like that replaces old, a few nodes at a time.
func renamed(image string, port, atOnce int, behaviour string) string {
	return strings.NewReplacer("name: new}\n", "name: new, annotations: {"+manifests.ReplacesAnnotation+": old}}\n",
		"maxUnavailable: 1}", fmt.Sprintf("maxUnavailable: %d}", atOnce),
		"labels: {app: new}}\n    spec", "labels: {app: new}, annotations: {"+behaviourAnnotation+": \""+behaviour+
			"\"}}\n    spec",
	).Replace(holding("new", image, port))
}

// broken is renamed, but its init container crash-loops: no pod of it is ever Ready, not even for half a second that a
// slow machine sees as longer.
func broken(image string, port, atOnce int) string {
	return strings.Replace(renamed(image, port, atOnce, "init-crash"), "spec:\n      ",
		"spec:\n      initContainers: [{name: prepare, image: \"registry.local/agent:"+image+"\"}]\n      ", 1)
}

// coverage is how many nodes have a Ready pod of either DaemonSet, as a watch of the pods tells it.
type coverage struct {
	mu    gosync.Mutex
	ready map[types.UID]string // node of each Ready pod that is not going
	nodes map[string]bool      // that ever had one
	bare  int                  // the most of them that had none at once
	kept  map[string]bool      // nodes with a Ready pod of the old one
}

// watchCoverage begins to watch.
func (w *world) watchCoverage() *coverage {
	w.t.Helper()
	c := &coverage{ready: map[types.UID]string{}, nodes: map[string]bool{}, kept: map[string]bool{}}
	pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	w.check(err)
	for i := range pods.Items {
		c.see(&pods.Items[i], false)
	}
	c.bare = 0
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	changes, err := w.kube.CoreV1().Pods(w.namespace).Watch(ctx,
		metav1.ListOptions{ResourceVersion: pods.ResourceVersion})
	w.check(err)
	go func() {
		for change := range changes.ResultChan() {
			if p, ok := change.Object.(*corev1.Pod); ok {
				c.see(p, change.Type == watch.Deleted)
			}
		}
	}()
	return c
}

func (c *coverage) see(p *corev1.Pod, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ready := false
	for _, condition := range p.Status.Conditions {
		ready = ready || condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	}
	old := p.Labels["app"] == "old"
	if gone || p.DeletionTimestamp != nil || !ready {
		delete(c.ready, p.UID)
		if old {
			delete(c.kept, p.Spec.NodeName)
		}
	} else {
		c.ready[p.UID], c.nodes[p.Spec.NodeName] = p.Spec.NodeName, true
		if old {
			c.kept[p.Spec.NodeName] = true
		}
	}
	has := map[string]bool{}
	for _, node := range c.ready {
		has[node] = true
	}
	c.bare = max(c.bare, len(c.nodes)-len(has))
}

func (c *coverage) now() (bare, kept int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bare, len(c.kept)
}

// untilKept waits until so many nodes keep the old one: the watch tells of it when it does, on a busy machine after the
// Sync. It returns the most nodes that had none at once.
func (w *world) untilKept(c *coverage, nodes int) (bare int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d nodes to keep the old one", nodes),
		func() bool { _, kept := c.now(); return kept == nodes })
	bare, _ = c.now()
	return bare
}

// With the annotation the two are handed over node by node: never more nodes than maxUnavailable are without a Ready
// pod, the commit completes, and the old one is pruned. A kill -9 in the middle changes nothing.
func TestRenameWithAHostPortIsHandedOver(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	v1 := w.push("v1", map[string]string{"agent.yaml": holding("old", "v1", 18103)})
	w.create(nil)
	p := w.process()
	w.waitFor(v1, api.Complete)
	cover := w.watchCoverage()
	v2 := w.push("renamed", map[string]string{"agent.yaml": renamed("v2", 18103, 2, "")})
	w.wait("some nodes to be handed over", func(api.SyncStatus) bool { _, kept := cover.now(); return kept < 9 })
	p.kill()
	p = w.process()
	w.waitFor(v2, api.Complete)
	p.kill()
	if bare := w.untilKept(cover, 0); bare > 2 || bare == 0 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
	if _, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "old",
		metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the old DaemonSet was not pruned: %v", err)
	}
}

// A broken new agent stops the handover: the nodes that have not been handed over keep the old one. The fix goes
// through.
func TestBrokenAgentStopsTheHandover(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	v1 := w.push("v1", map[string]string{"agent.yaml": holding("old", "v1", 18104)})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	cover := w.watchCoverage()
	bad := w.push("broken", map[string]string{"agent.yaml": broken("v2", 18104, 2)})
	r := w.waitFor(bad, api.Stuck)
	if !strings.Contains(r.Message.Private, "CrashLoop") {
		t.Errorf("stuck by %q", r.Message.Private)
	}
	if bare, kept := cover.now(); bare > 2 || kept < 10 {
		t.Errorf("%d nodes were without a Ready pod at once, %d kept the old one", bare, kept)
	}
	fix := w.push("fix", map[string]string{"agent.yaml": renamed("v3", 18104, 2, "")})
	w.waitFor(fix, api.Complete)
	if bare := w.untilKept(cover, 0); bare > 2 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
}

// A handover that is stuck is rolled back as it went: the broken one gives its nodes back to the old one.
func TestStuckHandoverIsRolledBack(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	v1 := w.push("v1", map[string]string{"agent.yaml": holding("old", "v1", 18105)})
	w.create(rolling)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	cover := w.watchCoverage()
	bad := w.push("broken", map[string]string{"agent.yaml": broken("v2", 18105, 2)})
	w.says(bad, api.Stuck, "rolled back to "+api.Short(v1))
	w.wait("the prune", func(s api.SyncStatus) bool { return s.InFlight.Pruned && len(s.Inventory) == 1 })
	if bare := w.untilKept(cover, 12); bare > 2 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
}

// A DaemonSet that would take over with a higher priority would have the scheduler preempt the old pods on all nodes at
// once: the commit is refused before anything of it is written, also where it brings the class itself. With a class
// that does not preempt the two are handed over node by node.
func TestHandoverThatWouldPreemptIsRefused(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	class := func(kind, more string) string {
		return fmt.Sprintf("apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: %s-%s}\nvalue: "+
			"1000\n%s", w.namespace, kind, more)
	}
	of := func(kind string) string {
		return strings.Replace(renamed("v2", 18109, 2, ""), "spec:\n      ", "spec:\n      priorityClassName: "+
			w.namespace+"-"+kind+"\n      ", 1)
	}
	v1 := w.push("v1", map[string]string{"agent.yaml": holding("old", "v1", 18109)})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	cover := w.watchCoverage()
	high := w.push("high", map[string]string{"agent.yaml": of("high"), "class.yaml": class("high", "")})
	if r := w.waitFor(high, api.Failed); !strings.Contains(r.Private, "higher priority (1000") ||
		!strings.Contains(r.Private, "preemptionPolicy: Never") {
		t.Errorf("%q", r.Private)
	}
	if bare, kept := cover.now(); bare != 0 || kept != 12 {
		t.Errorf("%d nodes were without a Ready pod, %d kept the old one", bare, kept)
	}
	patient := w.push("patient", map[string]string{"agent.yaml": of("patient"), "class.yaml": class("patient",
		"preemptionPolicy: Never\n")})
	w.waitFor(patient, api.Complete)
	if bare := w.untilKept(cover, 0); bare > 2 || bare == 0 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
}
