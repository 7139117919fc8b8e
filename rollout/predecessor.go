package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Predecessor is a DaemonSet that a target takes over from, node by node (docs/decisions/0028-handover.md).
type Predecessor struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
}

// Handover says that a predecessor is to give up further nodes.
type Handover struct {
	Predecessor
	// Generation of the predecessor that was looked at: one that has changed since is to be looked at again.
	Generation int64 `json:"generation"`
	// Nodes that it gives up besides those that it has given up already, sorted.
	Nodes []string `json:"nodes"`
}

// Holder is a DaemonSet that a commit no longer asks for. Its pods stay until the commit has rolled out (law 7).
type Holder struct {
	DaemonSet *appsv1.DaemonSet
	Pods      []*corev1.Pod
}
