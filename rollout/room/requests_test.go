package room

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/podtest"
)

// What is added up on the spot is what Kubernetes' own helper says, of plain pods and of all others.
func TestAPodTakesWhatTheHelperSays(t *testing.T) {
	asks := func(texts ...string) (list []corev1.Container) {
		for i, text := range texts {
			list = append(list, corev1.Container{Name: string(rune('a' + i)), Resources: corev1.ResourceRequirements{
				Requests: podtest.Quantities(text)}})
		}
		return list
	}
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{Spec: corev1.PodSpec{Containers: asks("cpu=300m memory=1500m", "cpu=200u", "cpu=200u memory=1Gi")}}
		change(p)
		return p
	}
	given := func(text string) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{{Name: "a", AllocatedResources: podtest.Quantities(text)}}
	}
	for name, p := range map[string]*corev1.Pod{
		"plain":            pod(func(*corev1.Pod) {}),
		"without anything": pod(func(p *corev1.Pod) { p.Spec.Containers = nil }),
		"larger init":      pod(func(p *corev1.Pod) { p.Spec.InitContainers = asks("cpu=2 memory=1Mi") }),
		"overhead":         pod(func(p *corev1.Pod) { p.Spec.Overhead = podtest.Quantities("cpu=1") }),
		"of the pod itself": pod(func(p *corev1.Pod) {
			p.Spec.Resources = &corev1.ResourceRequirements{Requests: podtest.Quantities("cpu=3")}
		}),
		"being resized": pod(func(p *corev1.Pod) { p.Status.ContainerStatuses = given("cpu=4") }),
		"never resized": pod(func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodResizePending, Status: corev1.ConditionTrue,
				Reason: corev1.PodReasonInfeasible}}
		}),
	} {
		takes, want := requestsOf(p), RequestsOf(p)
		for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, "example.com/nic"} {
			if got := takes.amount(resource); got != Amount(resource, want[resource]) {
				t.Errorf("%s takes %d %s, and by the helper %v", name, got, resource, want[resource])
			}
		}
	}
}
