package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// admit writes the first status of a pod. A pod that is well goes on by KWOK's Stages, any other by its story.
func (k *kubelets) admit(ctx context.Context, pod *corev1.Pod) {
	what, err := troubleOf(pod)
	if err != nil {
		k.event(pod, "", corev1.EventTypeWarning, "DevclusterBehaviour", err.Error())
	}
	if what.kind == "" && !k.lacksObject(ctx, pod) {
		_ = k.publish(ctx, pod, admitted(pod, k.hostIP(pod.Spec.NodeName), time.Now()))
		return
	}
	n := k.nextIP.Add(1)
	s := &story{
		world: k, pod: pod, trouble: what,
		ip: fmt.Sprintf("10.88.%d.%d", n/250%250, n%250+1), hostIP: k.hostIP(pod.Spec.NodeName),
	}
	s.play(ctx)
}

// hostIP is the node's address, empty if the node is gone.
func (k *kubelets) hostIP(node string) string {
	o, _, _ := k.nodes.GetByKey(node)
	if n, ok := o.(*corev1.Node); ok && len(n.Status.Addresses) > 0 {
		return n.Status.Addresses[0].Address
	}
	return ""
}

func (k *kubelets) lacksObject(ctx context.Context, pod *corev1.Pod) bool {
	for _, o := range needs(&pod.Spec) {
		if !k.exists(ctx, pod.Namespace, o) {
			return true
		}
	}
	return false
}

func (k *kubelets) exists(ctx context.Context, namespace string, o object) bool {
	return exists(ctx, k.client, namespace, o)
}

// publish writes a status, unless the pod has been replaced by one of the same name. What went wrong with the API
// server it tries again, as a kubelet would.
func (k *kubelets) publish(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	patch, err := statusPatch(pod, status)
	if err != nil {
		return err
	}
	for {
		_, err := k.client.CoreV1().Pods(pod.Namespace).
			Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || apierrors.IsInvalid(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// statusPatch replaces the parts of the status that a kubelet writes. Conditions are merged by type, so that a reason
// that has gone must be said to be gone.
func statusPatch(pod *corev1.Pod, status corev1.PodStatus) ([]byte, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, err
	}
	conditions, _, err := unstructured.NestedSlice(fields, "conditions")
	if err != nil {
		return nil, err
	}
	for _, o := range conditions {
		if c, ok := o.(map[string]any); ok && c["reason"] == nil {
			c["reason"], c["message"] = nil, nil
		}
	}
	fields["conditions"] = conditions
	return json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": fields})
}

// running reports whether the pod's containers have started.
func running(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodRunning }

// troubled reports whether a story plays the pod.
func troubled(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == TroubleCondition {
			return true
		}
	}
	return false
}

// sayStarted records the Events of containers that KWOK has started.
func (k *kubelets) sayStarted(pod *corev1.Pod) {
	for _, c := range allContainers(&pod.Spec) {
		k.event(pod, c.Name, corev1.EventTypeNormal, "Pulled", present(c.Image))
		k.event(pod, c.Name, corev1.EventTypeNormal, "Created", "Container created")
		k.event(pod, c.Name, corev1.EventTypeNormal, "Started", "Container started")
	}
}

// sayKilling records the Events of containers that end with their pod.
func (k *kubelets) sayKilling(pod *corev1.Pod) {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil {
			k.event(pod, c.Name, corev1.EventTypeNormal, "Killing", "Stopping container "+c.Name)
		}
	}
}
