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

// gone is into how many sites and blocks a look has gone.
type gone struct{ visited, explained, summed int }

// A look goes into the sites alone in which something has changed, and what a block comes to is found out again only
// where that is so: of 400 sites there are 20 in each.
func TestALookGoesIntoWhatHasChanged(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := rollout.Look{Now: noon, DaemonSet: &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent", UID: "ds"}}}
	yes := true
	for i := range 400 {
		name := fmt.Sprintf("node-%03d", i)
		l.Nodes = append(l.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
		owner := metav1.OwnerReference{Kind: "DaemonSet", UID: "ds", Controller: &yes}
		l.Pods = append(l.Pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod-" + name, UID: types.UID(name),
			OwnerReferences: []metav1.OwnerReference{owner}}, Spec: corev1.PodSpec{NodeName: name}})
	}
	ripens := noon.Add(time.Minute) // on node-123
	var c survey.Cache
	changes := func(list []*corev1.Pod, i int) []*corev1.Pod {
		list = slices.Clone(list)
		list[i] = list[i].DeepCopy()
		return list
	}
	for _, step := range []struct {
		what    string
		happens func()
		want    gone
	}{
		{"the first look", func() {}, gone{400, 400, 20}},
		{"nothing", func() {}, gone{}},
		{"a second passes", func() { l.Now = l.Now.Add(time.Second) }, gone{}},
		{"the same objects in another list", func() {
			l.Pods, l.Nodes = slices.Clone(l.Pods), slices.Clone(l.Nodes)
		}, gone{}},
		{"one pod", func() { l.Pods = changes(l.Pods, 7) }, gone{1, 1, 1}},
		{"two pods of one block", func() { l.Pods = changes(changes(l.Pods, 40), 59) }, gone{2, 2, 1}},
		{"two pods of two blocks", func() { l.Pods = changes(changes(l.Pods, 59), 60) }, gone{2, 2, 2}},
		{"an instant comes that was asked for", func() { l.Now = ripens }, gone{0, 1, 1}},
		{"the pods come in another order", func() {
			l.Pods = slices.Clone(l.Pods)
			l.Pods[3], l.Pods[300] = l.Pods[300], l.Pods[3]
		}, gone{2, 2, 2}},
		{"a node goes", func() {
			l.Nodes = slices.Delete(slices.Clone(l.Nodes), 9, 10)
			l.Pods = slices.Delete(slices.Clone(l.Pods), 9, 10)
		}, gone{399, 399, 21}},
		{"the clock goes back", func() { l.Now = noon }, gone{399, 399, 21}},
	} {
		step.happens()
		var was gone
		s := survey.New(&c, l, rollout.Target{UID: "ds"}, rollout.Memory{First: noon}, rollout.Options{})
		s.Arrange()
		s.Visit(func(at *survey.Site, pods []*corev1.Pod) {
			if was.visited++; len(pods) != 1 || pods[0].Name != "pod-"+at.Name {
				t.Errorf("%s: %s has %d pods", step.what, at.Name, len(pods))
			}
		})
		s.Explain(func(at *survey.Site) {
			if was.explained++; at.Name == "node-123" {
				_ = s.Reached(ripens)
			}
		})
		s.SumUp(func([]survey.Site, *survey.Sum) *survey.Sum {
			was.summed++
			return &survey.Sum{}
		})
		if was != step.want {
			t.Errorf("%s: gone into %+v, want %+v", step.what, was, step.want)
		}
	}
}
