package judge

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/podtest"
	"github.com/daemongate/daemongate/rollout/report"
)

// list is a List of objects as kubectl prints it.
func list(t testing.TB, objects ...any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// full is a fleet whose node-1 has no room for its new pod, and what else stands there, as objects of a dump.
func full(t *testing.T) (f *fleet, objects []any) {
	f = newFleet(t, 2)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Resources.Requests = podtest.Quantities("cpu=500m memory=1Gi")
	})
	f.pending(f.replace("node-1"), "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) "+
		"[NodeAffinity]. preemption: not eligible.")
	for _, o := range f.nodes {
		o.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}
		objects = append(objects, o)
	}
	for _, o := range f.revs {
		o.TypeMeta, o.Namespace = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ControllerRevision"}, "platform"
		objects = append(objects, o)
	}
	f.ds.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}
	objects = append(objects, f.ds)
	f.pods = append(f.pods,
		podtest.Made("web/shop-5d-x7k2p", "cpu=300m memory=256Mi", podtest.OwnedBy("ReplicaSet", "shop-5d"),
			podtest.Labelled("app", "shop")),
		podtest.PodOn("node-2", "web/shop-5d-zzzzz", "cpu=300m"),
		podtest.Made("web/bare", "cpu=1200m memory=1Gi"),
		podtest.Made("kube-system/proxy", "cpu=200m", podtest.OwnedBy("DaemonSet", "proxy")),
	)
	for _, p := range f.pods {
		p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		objects = append(objects, p)
	}
	b := podtest.Budget("web", "shop", 1)
	b.TypeMeta = metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}
	three, yes := int32(3), true
	rs := &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "shop-5d", UID: "ReplicaSetshop-5d",
			OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: "shop", UID: "shop",
				Controller: &yes}}}, Spec: appsv1.ReplicaSetSpec{Replicas: &three}}
	return f, append(objects, b, rs)
}

// explained is a dump's only DaemonSet, as a person is told of it.
func explained(t *testing.T, at time.Time, objects ...any) string {
	t.Helper()
	dump, err := dump.Read(at, dump.File{Name: "dump", Reader: bytes.NewReader(list(t, objects...))})
	if err != nil {
		t.Fatal(err)
	}
	d := dump.DaemonSets[0]
	j, _ := bothWays(d.Look, d.Target, rollout.Memory{}, rollout.Options{})
	return report.New(report.Judged{Target: d.Target, Look: d.Look, Judgement: j}).Text()
}

// A dump of all namespaces tells which pods would make room, whose they are and what their budgets allow.
func TestADumpTellsWhatWouldMakeRoom(t *testing.T) {
	f, objects := full(t)
	golden(t, "relief.txt", explained(t, f.now.Add(time.Hour), objects...))
}

// What a dump lacks is said: of other namespaces, of budgets, of replicas; a poorer dump never names a pod that it
// cannot know.
func TestADumpSaysWhatItDoesNotKnowOfOthers(t *testing.T) {
	f, objects := full(t)
	without := func(unwanted func(any) bool) (left []any) {
		for _, o := range objects {
			if !unwanted(o) {
				left = append(left, o)
			}
		}
		return left
	}
	text := explained(t, f.now.Add(time.Hour), without(func(o any) bool {
		p, is := o.(*corev1.Pod)
		return is &&
			p.Namespace != "platform"
	})...)
	if !strings.Contains(text, "a dump of all namespaces would tell") || strings.Contains(text, "web/") {
		t.Error(text)
	}
	text = explained(t, f.now.Add(time.Hour),
		without(func(o any) bool { _, is := o.(*policyv1.PodDisruptionBudget); return is })...)
	if !strings.Contains(text, "whether a PodDisruptionBudget forbids it is not known") ||
		strings.Contains(text, "no PodDisruptionBudget") {
		t.Error(text)
	}
	text = explained(t, f.now.Add(time.Hour),
		without(func(o any) bool { _, is := o.(*appsv1.ReplicaSet); return is })...)
	if !strings.Contains(text, "ReplicaSet shop-5d (1 replica)") { // one pod of it is in the dump
		t.Error(text)
	}
}

// A dump's ResourceQuotas are known to the DaemonSets of their namespace, and to no other.
func TestADumpKnowsQuotas(t *testing.T) {
	_, objects := full(t)
	for _, namespace := range []string{"platform", "web"} {
		q := &corev1.ResourceQuota{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ResourceQuota"},
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "small"}}
		q.Status.Hard = podtest.Quantities("pods=2")
		objects = append(objects, q)
	}
	dump, err := dump.Read(time.Time{}, dump.File{Name: "dump", Reader: bytes.NewReader(list(t, objects...))})
	if err != nil {
		t.Fatal(err)
	}
	if q := dump.DaemonSets[0].Look.Quotas; len(q) != 1 || q[0].Namespace != "platform" ||
		q[0].Status.Hard.Pods().Value() != 2 {
		t.Errorf("%+v", q)
	}
}

// The controller reads no other namespace's pods, so a look without them names none and measures nothing.
func TestTheControllerNamesNoOtherPods(t *testing.T) {
	f, _ := full(t)
	f.pods = f.pods[:len(f.pods)-4]
	c := f.judge().Causes[0]
	if c.Code != rollout.Unschedulable || len(c.Relief) > 0 || c.Shortfalls[0].Free != "" {
		t.Errorf("%+v", c)
	}
}
