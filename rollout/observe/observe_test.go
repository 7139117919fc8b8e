package observe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe"
)

// TestObserver tells its stories to a real API server, with real DaemonSet controllers and played nodes.
func TestObserver(t *testing.T) {
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 3})
	for _, story := range []struct {
		name string
		tell func(*testing.T, *clustertest.Cluster)
	}{
		{"sees a rollout from its first to its last pod", seesARollout},
		{"sees a pod change at once", seesAPodChangeAtOnce},
		{"watches nothing when nothing is in flight", watchesNothingInTheSteadyState},
		{"watches only what a DaemonSet selects", watchesOnlyWhatIsSelected},
		{"shares the watches of a namespace", sharesWatches},
		{"shares what it may", sharesWhatItMay},
		{"does not wake for heartbeats", doesNotWakeForHeartbeats},
		{"sees that a DaemonSet is gone, and one made anew", seesADaemonSetGo},
		{"says what it may not watch", saysWhatItMayNotWatch},
		{"does without Events where it must", doesWithoutEvents},
		{"does not trust what it saw before the wire was cut", doesNotTrustTheLastLook},
		{"has one list of nodes for all", hasOneListOfNodes},
		{"reads the Leases when asked", readsLeases},
		{"reads the clocks of nodes when asked", readsClocks},
		{"says that a host port cannot surge", saysThatAHostPortCannotSurge},
		{"leaves nothing behind", leavesNothingBehind},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, cluster) })
	}
}

// A rollout is seen by wakes alone: its object, its revision, a pod on every node and every node. Events that explain a
// pull failure come along; the environment of containers does not.
func seesARollout(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	good := w.apply("good", "registry.local/agent:v1")
	look := w.await(good, w.watch("a", good), "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	if look.DaemonSet.UID != good.UID || len(look.Revisions) != 1 || len(look.Nodes) != 3 || len(look.Missing) > 0 {
		t.Errorf("look: %s, %d revisions, %d nodes, missing %v", look.DaemonSet.UID, len(look.Revisions),
			len(look.Nodes), look.Missing)
	}
	if env := look.Pods[0].Spec.Containers[0].Env; len(env) > 0 {
		t.Errorf("environment %v", env)
	}
	typo := w.apply("typo", "registry.local/agent:v2-typo")
	look = w.await(typo, w.watch("b", typo), "a failed pull", func(l rollout.Look) bool {
		return slices.ContainsFunc(l.Events, func(e *corev1.Event) bool { return e.Reason == "Failed" })
	})
	for _, e := range look.Events {
		if !strings.HasPrefix(e.InvolvedObject.Name, "typo") {
			t.Errorf("an Event of %s", e.InvolvedObject.Name)
		}
	}
}

// From the answer of the API server to a change of a pod until a look shows it: well under the 100 ms that a change
// may take to be judged. The bound here is for busy machines; the figure is in the output.
func seesAPodChangeAtOnce(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	target := w.apply("agent", "registry.local/agent:v1")
	woken := w.watch("a", target)
	look := w.await(target, woken, "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	pod := look.Pods[0].Name
	var took []time.Duration
	for i := range 20 {
		time.Sleep(3 * 100 * time.Millisecond) // a rest, so that the leading edge is measured
		value := fmt.Sprint(i)
		patch := fmt.Sprintf(`{"metadata":{"labels":{"round":%q}}}`, value)
		start := time.Now()
		if _, err := w.kube.CoreV1().Pods(w.ns).Patch(t.Context(), pod, types.MergePatchType, []byte(patch),
			metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		w.await(target, woken, "the change", func(l rollout.Look) bool { return l.Pods[0].Labels["round"] == value })
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("from a pod's change (its request included) to a look that shows it: median %s, worst %s", took[10],
		took[19])
	if took[10] > 10*time.Second {
		t.Errorf("median %s", took[10])
	}
}

// Nothing is watched before the first Watch and after the last Unwatch; what two Syncs watch is watched once, until
// both have left. A second Watch of the same targets asks nothing new.
func watchesNothingInTheSteadyState(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	target := w.apply("agent", "registry.local/agent:v1")
	if n := w.wire.requests(); n > 0 {
		t.Errorf("%d requests before anything is in flight", n)
	}
	woken := w.watch("a", target)
	w.await(target, woken, "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	watched := w.wire.watching()
	if len(watched) != 5 {
		t.Errorf("watches %v, want DaemonSet, pods, revisions, Events and nodes", watched)
	}
	asked := w.wire.requests()
	w.watch("a", target)
	w.watch("b", target)
	w.observer.Unwatch("a")
	if _, synced := w.observer.Look(target); !synced || w.wire.requests() != asked {
		t.Errorf("synced %t, %d more requests", synced, w.wire.requests()-asked)
	}
	w.observer.Unwatch("b")
	w.until("all watches closed", func() bool { return len(w.wire.watching()) == 0 })
	asked = w.wire.requests()
	if _, synced := w.observer.Look(target); synced {
		t.Error("a target that is not watched looks as if it were")
	}
	wakes := w.wakes.Load()
	if err := w.kube.CoreV1().Pods(w.ns).DeleteCollection(t.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // nothing must come: there is nothing to wait for
	if w.wakes.Load() != wakes || w.wire.requests() != asked {
		t.Errorf("%d wakes and %d requests in the steady state", w.wakes.Load()-wakes, w.wire.requests()-asked)
	}
}

// Of a namespace full of pods only those are read that the DaemonSet selects, and of the DaemonSets only the one.
func watchesOnlyWhatIsSelected(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	other := w.apply("other", "registry.local/agent:v1")
	target := w.apply("agent", "registry.local/agent:v1")
	look := w.await(target, w.watch("a", target), "all pods", func(l rollout.Look) bool { return len(l.Pods) == 3 })
	for _, p := range look.Pods {
		if !strings.HasPrefix(p.Name, "agent-") {
			t.Errorf("pod %s", p.Name)
		}
	}
	if _, synced := w.observer.Look(other); synced {
		t.Error("a DaemonSet that is not in flight is watched")
	}
	selectors := w.wire.selectors()
	for _, want := range []string{"/pods?app=agent", "/controllerrevisions?app=agent",
		"/daemonsets?metadata.name=agent"} {
		if !strings.Contains(selectors, want) {
			t.Errorf("no watch of %s in\n%s", want, selectors)
		}
	}
}

// A heartbeat wakes nobody; a label does. That the heartbeat was seen first is certain, because changes of one node
// come in their order.
func doesNotWakeForHeartbeats(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	target := rollout.Target{Namespace: w.ns, Name: "no-such-daemonset"}
	woken := w.watch("a", target)
	look := w.await(target, woken, "the nodes", func(l rollout.Look) bool { return len(l.Nodes) == 3 })
	name := look.Nodes[0].Name
	w.rests() // after what belongs to the beginning
	before := w.wakes.Load()
	for range 5 {
		beat := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","lastHeartbeatTime":%q}],"images":[{"names":["a%d"],"sizeBytes":1}]}}`,
			time.Now().UTC().Format(time.RFC3339), time.Now().UnixNano())
		if _, err := w.kube.CoreV1().Nodes().Patch(t.Context(), name, types.StrategicMergePatchType, []byte(beat),
			metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
	}
	label := `{"metadata":{"labels":{"story":"heartbeats"}}}`
	if _, err := w.kube.CoreV1().Nodes().Patch(t.Context(), name, types.MergePatchType, []byte(label),
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.await(target, woken, "the label", func(l rollout.Look) bool { return l.Nodes[0].Labels["story"] == "heartbeats" })
	w.until("a wake for the label", func() bool { return w.wakes.Load() > before }) // it follows what a look shows
	w.rests()
	if n := w.wakes.Load() - before; n != 1 {
		t.Errorf("%d wakes for five heartbeats and a label", n)
	}
}

// A DaemonSet that is deleted is a look without one, which is not the same as not knowing. One made anew under its name
// is seen with its own pods, whatever its selector.
func seesADaemonSetGo(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	target := w.apply("agent", "registry.local/agent:v1")
	woken := w.watch("a", target)
	w.await(target, woken, "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	foreground := metav1.DeletePropagationForeground
	if err := w.kube.AppsV1().DaemonSets(w.ns).Delete(t.Context(), "agent",
		metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	w.await(target, woken, "its end", func(l rollout.Look) bool { return l.DaemonSet == nil && len(l.Pods) == 0 })

	other := w.apply("other", "registry.local/agent:v1") // only to have its selector
	d, err := w.kube.AppsV1().DaemonSets(w.ns).Get(t.Context(), "other", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.ObjectMeta = metav1.ObjectMeta{Name: "agent"}
	d.Spec.Selector.MatchLabels = map[string]string{"app": "anew"}
	d.Spec.Template.Labels = map[string]string{"app": "anew"}
	if _, err := w.kube.AppsV1().DaemonSets(w.ns).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	look := w.await(target, woken, "its pods", func(l rollout.Look) bool { return l.DaemonSet != nil && ready(l) == 3 })
	if look.DaemonSet.UID == target.UID || look.Pods[0].Labels["app"] != "anew" || other.UID == target.UID {
		t.Errorf("look: %s, pod %v", look.DaemonSet.UID, look.Pods[0].Labels)
	}
}

// Without rights there is no look, and the trouble says which kind and why, so that a person can grant it.
func saysWhatItMayNotWatch(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, func(c *rest.Config) { c.Impersonate.UserName = "nobody" })
	target := w.apply("agent", "registry.local/agent:v1")
	woken := w.watch("a", target)
	w.until("the trouble", func() bool {
		<-woken
		err := w.observer.Trouble(target)
		return err != nil && strings.Contains(err.Error(), "daemonsets") && strings.Contains(err.Error(), "nodes")
	})
	if _, synced := w.observer.Look(target); synced {
		t.Error("a look without any rights")
	}
	err := w.observer.Trouble(target)
	var first *observe.WatchError
	if !errors.As(err, &first) || first.Kind != "daemonsets" || first.Namespace != w.ns ||
		!apierrors.IsForbidden(first) {
		t.Errorf("trouble %v", err)
	}
}

// Events are the one kind that a verdict can do without: the look names them as missing.
func doesWithoutEvents(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, func(c *rest.Config) { c.Impersonate.UserName = "blind" })
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{GenerateName: "blind-"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "nodes", "daemonsets", "controllerrevisions"},
			Verbs: []string{"list", "watch"}}}}
	role, err := w.kube.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.kube.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: "blind"}}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	target := w.apply("agent", "registry.local/agent:v1")
	look := w.await(target, w.watch("a", target), "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	if !slices.Equal(look.Missing, []string{rollout.KindEvents}) {
		t.Errorf("missing %v", look.Missing)
	}
	if err := w.observer.Trouble(target); err == nil || !strings.Contains(err.Error(), "watch events in namespace "+
		w.ns) {
		t.Errorf("trouble %v", err)
	}
}

// While the API server cannot be reached there is no look, however good the last one was; when it can be again, the
// first look shows what happened meanwhile.
func doesNotTrustTheLastLook(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	target := w.apply("agent", "registry.local/agent:v1")
	woken := w.watch("a", target)
	look := w.await(target, woken, "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	w.wire.sever()
	w.until("no look", func() bool { _, synced := w.observer.Look(target); return !synced })
	w.until("the trouble", func() bool {
		err := w.observer.Trouble(target)
		return err != nil && strings.Contains(err.Error(), "watch pods") &&
			strings.Contains(err.Error(), "the wire is cut")
	})
	patch := `{"metadata":{"labels":{"meanwhile":"changed"}}}`
	if _, err := w.kube.CoreV1().Pods(w.ns).Patch(t.Context(), look.Pods[0].Name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.wire.mend()
	look = w.await(target, woken, "a look", func(rollout.Look) bool { return true })
	if look.Pods[0].Labels["meanwhile"] != "changed" {
		t.Error("the first look after the cut shows what was before it")
	}
	if err := w.observer.Trouble(target); err != nil {
		t.Error(err)
	}
}

// The Leases are one list, of every node. Who asks at once shares it, and who asks later has a newer one.
func readsLeases(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	w.until("a Lease of every node", func() bool {
		leases, err := w.observer.Leases(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(leases) == 3
	})
	if len(w.wire.watching()) > 0 {
		t.Errorf("watches %v", w.wire.watching())
	}
	sharesLeases(t, w)
}

func sharesLeases(t *testing.T, w *world) {
	t.Helper()
	before := w.wire.requests()
	began := time.Now()
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			if leases, err := w.observer.Leases(t.Context()); err != nil || len(leases) != 3 {
				t.Errorf("%d Leases, %v", len(leases), err)
			}
		})
	}
	asking.Wait()
	// On a machine that is slow another second may have begun meanwhile.
	if asked, may := w.wire.requests()-before, 2+int(time.Since(began)/time.Second); asked > may {
		t.Errorf("eight who ask at once read the Leases %d times, %d would do", asked, may)
	}
	before = w.wire.requests()
	w.until("newer Leases", func() bool {
		_, err := w.observer.Leases(t.Context())
		return err == nil && w.wire.requests() > before
	})
	ended, end := context.WithCancel(t.Context())
	end()
	for range 100 { // whether somebody else reads them or not
		if _, err := w.observer.Leases(ended); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits for it any more: %v", err)
		}
	}
}

// Stop in the middle of everything ends every goroutine, and a Watch after it does nothing.
func leavesNothingBehind(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	connections := []goleak.Option{goleak.IgnoreCurrent(), // of the client itself, which outlive it
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("golang.org/x/net/http2.(*clientConnReadLoop).run"),
		goleak.IgnoreAnyFunction("net/http.(*http2clientConnReadLoop).run")}
	target := w.apply("agent", "registry.local/agent:v1")
	woken := w.watch("a", target)
	w.await(target, woken, "a pod", func(l rollout.Look) bool { return len(l.Pods) > 0 })
	w.observer.Stop()
	w.watch("a", target)
	if _, synced := w.observer.Look(target); synced {
		t.Error("a look after the end")
	}
	clustertest.Until(t, patience, "every goroutine to end", func() (string, bool) {
		left := goleak.Find(connections...)
		return fmt.Sprint(left), left == nil
	})
}
