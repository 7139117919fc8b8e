package clusters

import (
	"context"
	"errors"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"

	"github.com/daemongate/daemongate/rollout"
)

// errDark is what is said of everything in a cluster that is not connected to. The Sync's conditions say why.
var errDark = errors.New("the cluster of spec.apply.kubeConfig is not connected to: nothing of it can be seen")

// Dark is an Observer of a cluster that is not connected to.
type Dark struct{}

// Watch watches nothing, and neither do Unwatch and Stop.
func (Dark) Watch(string, []rollout.Target, func()) {}

// Unwatch ends nothing.
func (Dark) Unwatch(string) {}

// Stop ends nothing.
func (Dark) Stop() {}

// Look has seen nothing.
func (Dark) Look(rollout.Target) (rollout.Look, bool) { return rollout.Look{}, false }

// Trouble says so.
func (Dark) Trouble(rollout.Target) error { return errDark }

// Before reads nothing, and neither do the others.
func (Dark) Before(context.Context, string, string) (rollout.Look, error) {
	return rollout.Look{}, errDark
}

// AddEvents knows no Events.
func (Dark) AddEvents(context.Context, *rollout.Look) {}

// Nodes knows no nodes.
func (Dark) Nodes(context.Context) ([]*corev1.Node, error) { return nil, errDark }

// PriorityClasses knows no classes.
func (Dark) PriorityClasses(context.Context) ([]*schedulingv1.PriorityClass, error) {
	return nil, errDark
}

// Leases knows no Leases.
func (Dark) Leases(context.Context) ([]*coordinationv1.Lease, error) { return nil, errDark }

// Clocks knows no clocks.
func (Dark) Clocks(context.Context, []string) []rollout.Clock { return nil }
