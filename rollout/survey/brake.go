package survey

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/manifests"
)

// brake is what the DaemonSet's annotation says of the brake.
type brake struct {
	Pulled bool
	Nodes  []string // that it was pulled for
	// Paced is set if the update strategy is OnDelete for the sake of a paced rollout.
	Paced bool
}

// brakeOf reads the brake off a live object (see manifests.Brake).
func brakeOf(d *appsv1.DaemonSet) brake {
	b, found := manifests.BrakeIn(d.Annotations)
	slices.Sort(b.Nodes)
	return brake{Pulled: found && !b.Paced, Nodes: b.Nodes, Paced: b.Paced}
}
