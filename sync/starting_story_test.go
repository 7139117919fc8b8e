package sync

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Laws 2, 5 and 13: somebody deletes the agents, and while they start a broken commit is pushed. That their pods were
// not Ready at that moment says nothing of the nodes: they count, the commit is stuck for its crash loop, braked where
// one old pod is left, and the fix goes through.
func TestABrokenCommitWhileTheAgentsStartIsStuck(t *testing.T) {
	for name, spared := range map[string]int{"all nodes": 0, "all but one": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			w := newWorld(t)
			story := brakeStory{strategy: "{maxUnavailable: 1}"}
			// A pod that ends is Ready for a moment before. Without this the DaemonSet controller replaces the last old
			// pod too if it sees all others Ready at once, and then there is nothing left to brake; and on a busy
			// machine, which tells late of all ends, all nodes might settle.
			agent := func(image, behaviour string) string {
				return strings.Replace(story.agent(image, behaviour), "spec:\n", "spec:\n  minReadySeconds: 5\n", 1)
			}
			v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1", "slow-start=20s")})
			w.create(nil)
			w.controller(shared.Config, t.TempDir())
			w.waitFor(v1, api.Complete)
			nodes := w.restartAgents(spared)

			broken := w.push("broken", map[string]string{"agent.yaml": agent("v2", "crash")})
			w.waitFor(broken, api.Stuck)
			s := w.wait("the cause", func(s api.SyncStatus) bool {
				return len(s.InFlight.Causes) > 0 && s.InFlight.Causes[0].Code == "CrashLoop"
			})
			if s.InFlight.Nodes.Desired != nodes || len(s.InFlight.Workloads[0].WasFailing) > 0 {
				t.Errorf("%d of %d nodes count; failing before: %v", s.InFlight.Nodes.Desired, nodes,
					s.InFlight.Workloads[0].WasFailing)
			}
			if spared > 0 {
				w.wait("the brake", func(api.SyncStatus) bool { return w.daemonSet().Annotations[manifests.BrakeAnnotation] != "" })
				if old := w.podsOf("registry.local/agent:v1"); len(old) != spared {
					t.Errorf("%d nodes have kept the old pod, not %d", len(old), spared)
				}
			}
			fix := w.push("fix", map[string]string{"agent.yaml": strings.ReplaceAll(agent("v3", ""),
				"maxUnavailable: 1", "maxUnavailable: 100%")})
			w.waitFor(fix, api.Complete)
		})
	}
}

func (w *world) daemonSet() *appsv1.DaemonSet {
	w.t.Helper()
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	return d
}

// podsOf are the names of the pods that run an image and are not going.
func (w *world) podsOf(image string) (names []string) {
	w.t.Helper()
	list, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	w.check(err)
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil && p.Spec.Containers[0].Image == image {
			names = append(names, p.Name)
		}
	}
	return names
}

// restartAgents deletes the pods of all nodes but some, and waits until the new ones are starting. It returns how many
// nodes there are.
func (w *world) restartAgents(spared int) int {
	w.t.Helper()
	pods := func() []corev1.Pod {
		list, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
		w.check(err)
		return list.Items
	}
	old, none := map[string]bool{}, int64(0)
	for _, p := range pods()[spared:] {
		old[p.Name] = true
		w.check(w.kube.CoreV1().Pods(w.namespace).Delete(w.t.Context(), p.Name,
			metav1.DeleteOptions{GracePeriodSeconds: &none}))
	}
	nodes := len(old) + spared
	w.wait("the agents to start", func(api.SyncStatus) bool {
		starting := 0
		for _, p := range pods() {
			if !old[p.Name] && p.Spec.NodeName != "" {
				starting++
			}
		}
		return starting == nodes
	})
	return nodes
}
