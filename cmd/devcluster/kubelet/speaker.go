package kubelet

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

// speaker records Events in the name of the nodes' kubelets, each with a recorder of its own, as in a real cluster:
// equal Events are counted up, and a kubelet that says the same too often is cut off.
type speaker struct {
	ctx       context.Context // of all recorders: an Event is recorded in the background
	client    kubernetes.Interface
	mu        sync.Mutex
	recorders map[string]record.EventRecorder
}

func newSpeaker(ctx context.Context, client kubernetes.Interface) *speaker {
	return &speaker{ctx: ctx, client: client, recorders: map[string]record.EventRecorder{}}
}

// event records an Event on a pod, or on one of its containers.
func (s *speaker) event(pod *corev1.Pod, container, kind, reason, message string) {
	s.recorder(pod.Spec.NodeName).Event(referenceTo(pod, container), kind, reason, message)
}

// referenceTo names a pod, or one of its containers as kubelets do.
func referenceTo(pod *corev1.Pod, container string) *corev1.ObjectReference {
	on := &corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
		ResourceVersion: pod.ResourceVersion,
	}
	for _, c := range pod.Spec.InitContainers {
		if c.Name == container {
			on.FieldPath = "spec.initContainers{" + container + "}"
		}
	}
	if container != "" && on.FieldPath == "" {
		on.FieldPath = "spec.containers{" + container + "}"
	}
	return on
}

func (s *speaker) recorder(node string) record.EventRecorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorders[node] == nil {
		broadcaster := record.NewBroadcaster(record.WithContext(s.ctx))
		broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: s.client.CoreV1().Events("")})
		s.recorders[node] = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: node})
	}
	return s.recorders[node]
}
