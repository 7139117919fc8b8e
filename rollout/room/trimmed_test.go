package room

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/podtest"
	"github.com/daemongate/daemongate/rollout/trim"
)

// A pod of a dump keeps what says that it is the kubelet's own, and what it was given while it is being resized.
func TestADumpedPodKeepsWhatTheSchedulerCounts(t *testing.T) {
	p := podtest.Made("a/a", "cpu=500m", func(p *corev1.Pod) {
		p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x", "other": "y"}
		p.Spec.InitContainers = []corev1.Container{{Name: "i"}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "i"}}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c",
			AllocatedResources: podtest.Quantities("cpu=2"),
			Resources:          &corev1.ResourceRequirements{Requests: podtest.Quantities("cpu=500m")}}}
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodResizePending,
			Reason: corev1.PodReasonInfeasible})
	})
	kept := trim.OtherPod(p)
	if !staysPut(kept) || len(kept.Annotations) != 1 {
		t.Errorf("%v", kept.Annotations)
	}
	if got, want := RequestsOf(kept), RequestsOf(p); got.Cpu().Cmp(*want.Cpu()) != 0 || got.Cpu().String() != "2" {
		t.Errorf("%v, want %v", got, want)
	}
}
