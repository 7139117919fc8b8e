package survey

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/manifests"
)

// brake is what the DaemonSet's annotation says of the brake.
type brake struct {
	Pulled bool
	Nodes  []string // that it was pulled for
}

// brakeOf reads the brake off a live object (see manifests.Brake).
func brakeOf(d *appsv1.DaemonSet) brake {
	fields := strings.Fields(d.Annotations[manifests.BrakeAnnotation])
	switch len(fields) {
	case 0:
		return brake{}
	case 1:
		return brake{Pulled: true}
	}
	nodes := strings.Split(fields[1], ",")
	slices.Sort(nodes)
	return brake{Pulled: true, Nodes: nodes}
}
