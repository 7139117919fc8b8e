package pace

import (
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
)

// limit is on how many nodes a DaemonSet may have no available pod: the smaller one of what the plan and the DaemonSet
// itself say. A percentage is of the nodes that it is meant for, rounded up, as its controller does it. It is one at
// least, and one if neither says anything.
func (s *set) limit(p Plan) int {
	asked := []*intstr.IntOrString{p.MaxUnavailable}
	if r := s.Look.DaemonSet.Spec.UpdateStrategy.RollingUpdate; r != nil {
		asked = append(asked, r.MaxUnavailable)
	}
	limit := 0
	for _, value := range asked {
		if value == nil {
			continue
		}
		n, err := intstr.GetScaledValueFromIntOrPercent(value, s.meant, true)
		if err != nil {
			n = 1
		}
		if n = max(1, n); limit == 0 || n < limit {
			limit = n
		}
	}
	return max(1, limit)
}

// spent is on how many nodes the DaemonSet has no available pod, and when one of them has one by time alone. What is
// down for reasons of its own does not count, but a node does whose pod is going, or that this rollout has lost.
func (s *set) spent() (nodes int, next time.Time) {
	for i := range s.sites {
		at := &s.sites[i]
		if !at.isSpent() {
			continue
		}
		nodes++
		if !at.from.IsZero() && (next.IsZero() || at.from.Before(next)) {
			next = at.from
		}
	}
	return nodes, next
}

func (at *site) isSpent() bool {
	switch {
	case !at.meant:
		return false
	case at.state == rollout.IsFailingBefore && at.updated == nil && !at.going:
		return false // it was down before, and not by this rollout
	case at.down:
		return at.going || at.state == rollout.IsLost
	}
	return at.available == 0
}
