package kubelet

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// comeBack does what a kubelet does that finds its pods again: those that node-lifecycle has marked not Ready meanwhile
// are Ready again if their containers are, and those that were deleted meanwhile end now. KWOK ends them, but was seen
// not to look at pods that changed before it took the node over; they are shown to it twice because it may take it over
// late.
func (k *kubelets) comeBack(ctx context.Context, node string) {
	for _, pause := range []time.Duration{time.Second, 5 * time.Second} {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, pod := range k.podsOn(node) {
			if status, changed := foundAgain(pod, time.Now()); changed && k.lives(node) {
				_ = k.publish(ctx, pod, status) // a pod that is gone needs nothing
			}
		}
	}
}

// foundAgain is the status that a kubelet writes for a pod that it finds again, and whether that says anything new.
func foundAgain(pod *corev1.Pod, now time.Time) (status corev1.PodStatus, changed bool) {
	status = *pod.Status.DeepCopy()
	i := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady })
	if i < 0 || pod.Status.StartTime == nil {
		return status, false
	}
	marked := status.Conditions[i].Status == corev1.ConditionFalse && slices.ContainsFunc(status.Conditions,
		func(c corev1.PodCondition) bool {
			return c.Type == corev1.ContainersReady && c.Status == corev1.ConditionTrue
		})
	if marked {
		setCondition(&status, corev1.PodReady, true, "", "", now)
	}
	if pod.DeletionTimestamp != nil {
		status.Conditions[i].LastProbeTime = metav1.NewTime(now) // what else would make it a change?
	}
	return status, marked || pod.DeletionTimestamp != nil
}
