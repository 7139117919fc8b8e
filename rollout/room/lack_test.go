package room

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// What a node is short of is counted as the scheduler counts: what containers, init containers, sidecars, overhead and
// pod-level resources come to, the number of pods, extended resources, storage, huge pages and host ports. Pods that
// have ended count for nothing, those that are ending still do, and so do those that room is being made for, unless the
// pod goes before them.
func TestWhatANodeIsShortOf(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	prior := func(n int32) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.Priority = &n } }
	nominated := func(p *corev1.Pod) { p.Spec.NodeName, p.Status.NominatedNodeName = "", "n" }
	asksFor := func(asks string) *corev1.Pod { return podtest.PodOn("", "platform/agent", asks) }
	for _, c := range []struct {
		name string
		pod  *corev1.Pod
		on   []*corev1.Pod
		want string
	}{
		{"fits", asksFor("cpu=500m memory=1Gi"), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=1500m memory=3Gi")}, ""},
		{"exactly one thousandth too much", asksFor("cpu=501m"), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=1500m")},
			"cpu 501m 500m 1m"},
		{"several resources", asksFor("cpu=1 memory=2Gi"), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=1500m"),
			podtest.PodOn("n", "a/b", "memory=3Gi")},
			"cpu 1 500m 500m, memory 2Gi 1Gi 1Gi"},
		{"more than the node has", asksFor("cpu=3"), nil, "cpu 3 2 1"},
		{"what a node does not have at all", asksFor("example.com/gpu=1"), nil, "example.com/gpu 1 0 1"},
		{"an extended resource", asksFor("example.com/nic=2"),
			[]*corev1.Pod{podtest.PodOn("n", "a/a", "example.com/nic=3")}, "example.com/nic 2 1 1"},
		{"storage and huge pages", asksFor("ephemeral-storage=6Gi hugepages-2Mi=64Mi"),
			[]*corev1.Pod{podtest.PodOn("n", "a/a", "ephemeral-storage=5Gi hugepages-2Mi=10Mi")},
			"ephemeral-storage 6Gi 5Gi 1Gi, hugepages-2Mi 64Mi 54Mi 10Mi"},
		{"nothing asked for, but a place", asksFor(""), []*corev1.Pod{podtest.PodOn("n", "a/a", ""),
			podtest.PodOn("n", "a/b", ""), podtest.PodOn("n", "a/c", ""), podtest.PodOn("n", "a/d", "")}, "pods 1 0 1"},
		{"what the scheduler does not weigh", asksFor("storage=1Gi"), nil, ""},
		{"a large init container", podtest.With(asksFor("cpu=100m"), func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "i",
				Resources: corev1.ResourceRequirements{Requests: podtest.Quantities("cpu=1")}}}
		}), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=1500m")}, "cpu 1 500m 500m"},
		{"a sidecar counts on top", podtest.With(asksFor("cpu=400m"), func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "i", RestartPolicy: &always,
				Resources: corev1.ResourceRequirements{Requests: podtest.Quantities("cpu=200m")}}}
		}), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=1500m")}, "cpu 600m 500m 100m"},
		{"overhead of both", podtest.With(asksFor("cpu=400m"),
			func(p *corev1.Pod) { p.Spec.Overhead = podtest.Quantities("cpu=50m") }),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", "cpu=1500m"),
				func(p *corev1.Pod) { p.Spec.Overhead = podtest.Quantities("cpu=100m") })}, "cpu 450m 400m 50m"},
		{"pod-level resources", podtest.With(asksFor("cpu=400m"), func(p *corev1.Pod) {
			p.Spec.Resources = &corev1.ResourceRequirements{Requests: podtest.Quantities("cpu=700m")}
		}), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=1500m")}, "cpu 700m 500m 200m"},
		{"a pod that was given more than it asks for now", asksFor("cpu=1"),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", "cpu=500m"), func(p *corev1.Pod) {
				p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c",
					AllocatedResources: podtest.Quantities("cpu=1500m")}}
			})}, "cpu 1 500m 500m"},
		{"ended", asksFor("cpu=1"), []*corev1.Pod{
			podtest.With(podtest.PodOn("n", "a/a", "cpu=2"),
				func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
			podtest.With(podtest.PodOn("n", "a/b", "cpu=2"),
				func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })}, ""},
		{"ending", asksFor("cpu=1"), []*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", "cpu=2"),
			func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} })}, "cpu 1 0 1"},
		{"room is being made for another", asksFor("cpu=1"),
			[]*corev1.Pod{podtest.With(podtest.PodOn("", "a/a", "cpu=2"), nominated)}, "cpu 1 0 1"},
		{"for one that goes after it", podtest.With(asksFor("cpu=1"), prior(10)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("", "a/a", "cpu=2"), nominated)}, ""},
		{"for one as high", podtest.With(asksFor("cpu=1"), prior(10)),
			[]*corev1.Pod{podtest.With(podtest.With(podtest.PodOn("", "a/a", "cpu=2"), nominated), prior(10))},
			"cpu 1 0 1"},
		{"on another node", asksFor("cpu=1"), []*corev1.Pod{podtest.PodOn("m", "a/a", "cpu=2")}, ""},
		{"more taken than there is", asksFor("cpu=1"), []*corev1.Pod{podtest.PodOn("n", "a/a", "cpu=3")}, "cpu 1 0 2"},
		{"a host port", podtest.With(asksFor(""), podtest.Port("", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), podtest.Port("", corev1.ProtocolTCP, 9100))},
			"host port 9100/TCP a/a"},
		{"another protocol", podtest.With(asksFor(""), podtest.Port("", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), podtest.Port("", corev1.ProtocolUDP, 9100))}, ""},
		{"another number", podtest.With(asksFor(""), podtest.Port("", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), podtest.Port("", "", 9101))}, ""},
		{"one address against all", podtest.With(asksFor(""), podtest.Port("10.0.0.1", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), podtest.Port("0.0.0.0", "", 9100))},
			"host port 10.0.0.1:9100/TCP a/a"},
		{"all against one address, twice", podtest.With(asksFor(""), podtest.Port("", "", 9100)), []*corev1.Pod{
			podtest.With(podtest.PodOn("n", "a/a", ""), podtest.Port("10.0.0.1", "", 9100)),
			podtest.With(podtest.PodOn("n", "a/b", ""), podtest.Port("127.0.0.1", "", 9100))},
			"host port 9100/TCP a/a a/b"},
		{"another address", podtest.With(asksFor(""), podtest.Port("10.0.0.1", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), podtest.Port("10.0.0.2", "", 9100))}, ""},
		{"a sidecar's port", podtest.With(asksFor(""), podtest.Port("", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), func(p *corev1.Pod) {
				p.Spec.InitContainers = []corev1.Container{{Name: "i", RestartPolicy: &always,
					Ports: []corev1.ContainerPort{{HostPort: 9100}}}}
			})}, "host port 9100/TCP a/a"},
		{"an init container's port", podtest.With(asksFor(""), podtest.Port("", "", 9100)),
			[]*corev1.Pod{podtest.With(podtest.PodOn("n", "a/a", ""), func(p *corev1.Pod) {
				p.Spec.InitContainers = []corev1.Container{{Name: "i", Ports: []corev1.ContainerPort{{HostPort: 9100}}}}
			})}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			node := &corev1.Node{Status: corev1.NodeStatus{Allocatable: podtest.Quantities("cpu=2 memory=4Gi pods=4 " +
				"ephemeral-storage=10Gi hugepages-2Mi=64Mi example.com/nic=4")}}
			crowd := NewCrowd(nil, rollout.Others{Nodes: []string{"n"}, Pods: c.on})
			var got []string
			lacks := lacksOf(c.pod, node, crowd.standingFor(c.pod, "n"))
			for i := range lacks {
				f := lacks[i].shortfall("n")
				text := fmt.Sprintf("%s %s %s %s", f.Resource, f.Asked, f.Free, f.ShortBy)
				if len(f.HeldBy) > 0 {
					text = fmt.Sprintf("%s %s %s", f.Resource, f.Asked, strings.Join(f.HeldBy, " "))
				}
				got = append(got, text)
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("%q, want %q", text, c.want)
			}
		})
	}
}

// Bytes that are no round number are rounded for people: never so that a shortfall looks smaller than it is.
func TestShortfallsCanBeRead(t *testing.T) {
	for _, c := range []struct {
		f    rollout.Shortfall
		want string
	}{
		{rollout.Shortfall{Node: "n", Resource: "cpu", Asked: "500m", Allocatable: "8", Free: "200m", ShortBy: "300m"},
			"n: asks for cpu 500m, 200m of 8 is free, short by 300m"},
		{rollout.Shortfall{Node: "n", Resource: "memory", Asked: "2Gi", Allocatable: "32877612Ki", Free: "1052700Ki",
			ShortBy: "1044452Ki"},
			"n: asks for memory 2Gi, 1028Mi of 31.3Gi is free, short by 1020Mi"},
		{rollout.Shortfall{Node: "n", Resource: "host port", Asked: "9100/TCP", HeldBy: []string{"a/a"}},
			"n: asks for host port 9100/TCP, held by a/a"},
		{rollout.Shortfall{Node: "n", Resource: "host port", Asked: "9100/TCP"},
			"n: asks for host port 9100/TCP, which is taken"},
	} {
		if got := c.f.String(); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
