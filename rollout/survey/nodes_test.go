package survey_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// Of a cluster only those nodes have a site, and are gone into, that a DaemonSet is meant for, or has a pod on, or that
// something is remembered of. What becomes of another node is seen all the same: why it is not meant, and that it is.
func TestOnlyNodesThatAreMeantHaveSites(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := rollout.Look{Now: noon, DaemonSet: &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent", UID: "ds"}}}
	l.DaemonSet.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "a"}
	for i := range 100 {
		l.Nodes = append(l.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%02d", i),
			Labels: map[string]string{"pool": []string{"a", "b", "b", "b"}[i%4]}}})
	}
	pod := func(i int) {
		yes := true
		name := l.Nodes[i].Name
		l.Pods = append(slices.Clip(l.Pods), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name),
			OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet", UID: "ds", Controller: &yes}}},
			Spec: corev1.PodSpec{NodeName: name}})
	}
	changes := func(i int, change func(*corev1.Node)) {
		l.Nodes = slices.Clone(l.Nodes)
		l.Nodes[i] = l.Nodes[i].DeepCopy()
		change(l.Nodes[i])
	}
	taint := func(n *corev1.Node) {
		n.Spec.Taints = []corev1.Taint{{Key: "busy", Effect: corev1.TaintEffectNoSchedule}}
	}
	m := rollout.Memory{First: noon}
	var ended string
	var c survey.Cache
	for _, step := range []struct {
		what          string
		happens       func()
		visits, sites int
	}{
		{"the first look", func() {}, 25, 25},
		{"nothing", func() {}, 0, 25},
		{"a node changes that is not meant", func() { changes(1, taint) }, 0, 25},
		{"it gets the label", func() { changes(1, func(n *corev1.Node) { n.Labels["pool"] = "a" }) }, 0, 25},
		{"one that is meant is tainted", func() { changes(0, taint) }, 1, 25},
		{"a pod stands on a node that is not meant", func() { pod(2) }, 25, 25}, // one for the tainted one
		{"that node changes", func() { changes(2, taint) }, 1, 25},
		{"a node gets the label", func() { changes(3, func(n *corev1.Node) { n.Labels["pool"] = "a" }) }, 26, 26},
		{"something is remembered of a node", func() {
			m.Ended = map[string]rollout.Ending{"node-05": {Count: 1}}
		}, 27, 27},
		{"the brake was pulled for a node", func() { m.Brake = []rollout.Cause{{Nodes: []string{"node-06"}}} }, 28, 28},
		{"it is found out how a pod ended that is gone", func() { ended = "node-10" }, 29, 29},
		{"two nodes have one name", func() {
			changes(7, func(n *corev1.Node) { n.Name = "node-09" })
		}, 99, 99},
		{"no node is meant", func() {
			l.DaemonSet = l.DaemonSet.DeepCopy()
			l.DaemonSet.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "c"}
			changes(7, func(n *corev1.Node) { n.Name = "node-07" })
			l.Pods, m, ended = nil, rollout.Memory{First: noon}, ""
		}, 0, 0},
	} {
		step.happens()
		visits := 0
		s := survey.New(&c, l, rollout.Target{UID: "ds"}, m, rollout.Options{})
		s.Arrange()
		s.Endings = map[string]rollout.Ending{ended: {Count: 1}}
		s.Visit(func(*survey.Site, []*corev1.Pod) { visits++ })
		s.Explain(func(*survey.Site) {})
		s.SumUp(func([]survey.Site, *survey.Sum) *survey.Sum { return &survey.Sum{} })
		if visits != step.visits || len(s.Sites) != step.sites {
			t.Errorf("%s: %d of %d sites were gone into, want %d of %d", step.what, visits, len(s.Sites), step.visits,
				step.sites)
		}
		for _, n := range l.Nodes {
			if why, unwanted := s.Unwanted().Has(n.Name); unwanted && why != s.Wish.Refuses(n) {
				t.Errorf("%s: %s is not meant because %s, want %s", step.what, n.Name, why, s.Wish.Refuses(n))
			}
		}
		if n := len(s.Sites) + s.Unwanted().Len(); n != 100 && step.sites != 99 {
			t.Errorf("%s: %d nodes", step.what, n)
		}
	}
}
