package observe

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// Clocks reads how far the clocks of these nodes are off the API server's: of each its Lease and, if that does not
// tell, its status. Two reads a node at most, and only for a judgement that asks for them (Judgement.ReadClocks).
func (c Clients) Clocks(ctx context.Context, nodes []string) []rollout.Clock {
	clocks := make([]rollout.Clock, 0, len(nodes))
	for _, name := range nodes {
		clocks = append(clocks, c.clock(ctx, name))
	}
	return clocks
}

func (c Clients) clock(ctx context.Context, name string) rollout.Clock {
	lease, err := c.Leases.Leases(corev1.NamespaceNodeLease).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		if ahead, told := fact.ClockOfLease(lease); told {
			return rollout.Clock{Node: name, Ahead: ahead}
		}
	}
	node, nodeErr := c.Core.Nodes().Get(ctx, name, metav1.GetOptions{})
	switch {
	case nodeErr == nil:
		if ahead, told := fact.ClockOfNode(node); told {
			return rollout.Clock{Node: name, Ahead: ahead}
		}
		if err != nil {
			return rollout.Clock{Node: name, Unknown: words.Clip(err.Error(), 200)}
		}
		return rollout.Clock{Node: name, Unknown: "neither its Lease nor its status says when it was written"}
	case err == nil:
		err = nodeErr
	}
	return rollout.Clock{Node: name, Unknown: words.Clip(err.Error(), 200)}
}

// Clocks reads how far the clocks of these nodes are off the API server's.
func (o *Observer) Clocks(ctx context.Context, nodes []string) []rollout.Clock {
	return o.clients.Clocks(ctx, nodes)
}
