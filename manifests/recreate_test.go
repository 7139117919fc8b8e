package manifests

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// narrow is an agent whose selector is one of its labels, and wide the same with the other selector and image.
const narrow = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  updateStrategy: {rollingUpdate: {maxUnavailable: "100%"}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent, tier: node}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: agent, image: "registry.local/agent:v1"}]`

var wide = strings.NewReplacer("matchLabels: {app: agent}", "matchLabels: {tier: node}", "agent:v1",
	"agent:v2").Replace(narrow)

// pods waits until as many pods satisfy a condition as there are nodes, and no others are there.
func (w *world) pods(what string, holds func(corev1.Pod) bool) {
	w.t.Helper()
	const nodes = 12
	deadline := time.Now().Add(5 * time.Minute)
	for {
		list, err := w.kube.CoreV1().Pods(w.ns).List(w.ctx, metav1.ListOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		n := 0
		for _, pod := range list.Items {
			if holds(pod) {
				n++
			}
		}
		if n == nodes && len(list.Items) == nodes {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited for %d pods to %s: %d of %d do", nodes, what, n, len(list.Items))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// run applies the narrow agent and waits for its pods; what was written may be recreated from then on.
func (w *world) run() Applied {
	w.t.Helper()
	old := w.apply(w.set(narrow))
	w.opts.Recreate, w.opts.Inventory = true, Recorded(old)
	w.pods("run", func(p corev1.Pod) bool { return p.Spec.NodeName != "" && p.DeletionTimestamp == nil })
	return old[0]
}

// replaced waits until every pod is one of the DaemonSet's that runs the new image.
func (w *world) replaced(by Applied) {
	w.t.Helper()
	w.pods("be replaced", func(p corev1.Pod) bool {
		owner := metav1.GetControllerOf(&p)
		return owner != nil && owner.UID == by.UID && p.Spec.Containers[0].Image == "registry.local/agent:v2"
	})
}

// A selector changes: the dry run accepts it, and writes nothing; the DaemonSet is another one then, which has adopted
// the pods, and replaces every one of them. The next apply changes nothing.
func TestASelectorChangesByRecreating(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.run()
	s := w.set(wide)
	if err := w.client.DryRun(w.ctx, s, w.opts); err != nil {
		t.Fatalf("dry run: %v", err)
	}
	if live := w.live(old.ID); live == nil || live.GetUID() != old.UID {
		t.Fatal("the dry run has deleted the DaemonSet")
	}
	a := w.apply(s)[0]
	if a.UID == old.UID || !a.Created || a.Replaced == nil || a.Replaced.GetUID() != old.UID {
		t.Errorf("recreated: %v", a)
	}
	w.replaced(a)
	w.opts.Inventory = Recorded([]Applied{a})
	if again := w.apply(s)[0]; again.Changed || again.UID != a.UID {
		t.Errorf("the next apply: %v", again)
	}
}

// A crash between the deletion and the creation, also before the garbage collector has let go of the pods: the set is
// applied again, and every pod is replaced all the same.
func TestARecreationThatIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.run()
	s := w.set(wide)
	target, err := w.client.locate(w.ctx, s.Objects()[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	target.live = w.live(old.ID)
	if err := w.client.abandon(w.ctx, &target, w.opts); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Minute)
	for {
		done, err := w.client.Apply(w.ctx, s, w.opts)
		if err == nil {
			w.replaced(done[0])
			return
		}
		if !Temporary(err) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A selector that does not match the pods that run would leave them over: it is refused, says which pod and how to do
// it, and nothing is deleted.
func TestNoPodIsLeftOverByARecreation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.run()
	s := w.set(strings.NewReplacer("matchLabels: {app: agent}", "matchLabels: {app: other}", "labels: {app: agent",
		"labels: {app: other").Replace(narrow))
	for name, err := range map[string]error{"dry run": w.client.DryRun(w.ctx, s, w.opts),
		"apply": second(w.client.Apply(w.ctx, s, w.opts))} {
		var rejected *Rejected
		if !errors.As(err, &rejected) || rejected.Reason != ReasonImmutable || !strings.Contains(err.Error(),
			"does not match pod agent-") ||
			!strings.Contains(err.Error(), "and 11 more") || !strings.Contains(err.Error(), "in a commit of its own") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if live := w.live(old.ID); live == nil || live.GetUID() != old.UID {
		t.Error("the DaemonSet was deleted")
	}
}

// Law 7: what the inventory does not name with its UID, or lacks our label, is not deleted to be recreated.
func TestOnlyWhatWeWroteIsRecreated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.run()
	recorded := w.opts.Inventory
	s := w.set(wide)
	for name, inventory := range map[string]Inventory{"unknown": nil,
		"another of that name": {{ID: old.ID, Version: "v1", UID: "another"}}} {
		w.opts.Inventory = inventory
		if _, err := w.client.Apply(w.ctx, s, w.opts); err == nil || !strings.Contains(err.Error(),
			"is not recreated") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.opts.Inventory = recorded
	there, err := w.client.locate(w.ctx, s.Objects()[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	w.by("kubectl-label", old.ID, `{"metadata":{"labels":{"`+OwnerLabel+`":null}}}`)
	there.live = w.live(old.ID)
	if _, err := w.client.recreate(w.ctx, &there, w.opts); err == nil {
		t.Error("a DaemonSet without our label was recreated")
	}
	if live := w.live(old.ID); live == nil || live.GetUID() != old.UID {
		t.Error("the DaemonSet was deleted")
	}
}

func second[T any](_ T, err error) error { return err }
