package survey

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Spender is a node that uses up one of the budget within which the DaemonSet controller goes on.
type Spender struct {
	Node, Why string
	Since     time.Time
	Down      bool        // the node is not ready
	Pod       *corev1.Pod // that is at fault on a node that is
}

// Spenders are all of a look: those whose trouble is not the commit's, and those whose new pod shows a cause.
type Spenders struct {
	Others []Spender
	Ours   []*Site
}
