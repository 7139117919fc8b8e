package survey

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// Site is one node, and what the DaemonSet has on it.
type Site struct {
	Name  string
	Node  *corev1.Node // nil: pods stand on a node that the look does not know
	State rollout.NodeState
	Why   string // it is not eligible

	Updated *corev1.Pod // of the current template and alive; the settled one if there are several
	Old     *corev1.Pod // of another template and alive
	Leaving *corev1.Pod // being deleted, and not over yet
	Failed  *corev1.Pod // over, and not deleted yet
	Over    bool        // failed is of the current template, and over by its containers' doing

	Predecessor *corev1.Pod // of another DaemonSet that the target takes over from (then it is the old one), alive
	Held        bool        // the predecessor's pod has settled
	Waiting     *corev1.Pod // of the current template, and not bound because a predecessor's pod is there

	Ends    int                  // of the updated pod's containers, and of the pods of its template before it
	Ready   time.Time            // since when the updated pod is Ready without interruption; zero if it is not
	Settled bool                 // the updated pod has been Ready for long enough
	Down    time.Time            // since when the node is not ready; zero if it is
	LostAt  time.Time            // when this rollout lost the node; zero if it did not
	Shunned bool                 // the controller does not want the node as long as it is not ready
	Clocked bool                 // how its clock goes is known
	Ahead   time.Duration        // of the API server's clock, if it is clocked
	Stale   bool                 // its Lease has not been renewed
	Before  *rollout.FailingNode // what it showed before the commit, unless it has counted since
	Finding *Finding

	OldPods     int               // of other templates, and not over yet
	Pod         string            // that the node's state is about, the updated one if there is one
	stood       rollout.NodeState // before it was asked whether others count, and why it has not settled
	updatedFrom time.Time         // when the updated pod is available, and the old one
	oldFrom     time.Time
	beside      bool // it was put beside the others in this look, or shows what is not its own
}

// finish notes what is asked for of every site in every look.
func (s *Survey) finish(at *Site) {
	at.stood = at.State
	at.updatedFrom, at.oldFrom = fact.AvailableFrom(at.Updated, s.MinReady), fact.AvailableFrom(at.Old, s.MinReady)
	for _, p := range [...]*corev1.Pod{at.Updated, at.Old, at.Leaving, at.Failed} {
		if p != nil {
			at.Pod = p.Name
			return
		}
	}
}

// Counts reports whether the rollout must reach the node.
func (at *Site) Counts() bool {
	switch at.State {
	case rollout.IsNotEligible, rollout.IsAbsent, rollout.IsLate, rollout.IsFailingBefore:
		return false
	}
	return true
}

// Missing reports whether the node has no pod at all, not even one that is going.
func (at *Site) Missing() bool { return at.Updated == nil && at.Old == nil && at.Leaving == nil }

// Lag is how far a node's clock is known to be behind.
func (at *Site) Lag() time.Duration {
	if at.Clocked {
		return max(0, -at.Ahead)
	}
	if at.Updated != nil {
		return fact.ClockLag(at.Updated)
	}
	return 0
}

// Behind is how far the clock of a site's node is known to be behind the API server's, beyond what the updated pod's
// own times have told already.
func (at *Site) Behind() time.Duration {
	if !at.Clocked || at.Updated == nil {
		return 0
	}
	if more := -at.Ahead - fact.ClockLag(at.Updated); more > rollout.SkewTolerance {
		return more
	}
	return 0
}

// Unmade reports whether the DaemonSet controller has made no pod of the target for a node.
func (at *Site) Unmade() bool {
	return at.Updated == nil && at.Waiting == nil && at.Leaving == nil && at.Old == at.Predecessor
}

// WaitsForPredecessor reports whether the target's pod for a node that is well is there, and only a predecessor's keeps
// it away.
func (at *Site) WaitsForPredecessor() bool {
	return at.Waiting != nil && at.Predecessor != nil && at.Down.IsZero()
}

// Present reports whether a node is judged by its pods.
func (at *Site) Present() bool {
	switch at.State {
	case rollout.IsMissing, rollout.IsOld, rollout.IsUpdated, rollout.IsSettled:
		return true
	}
	return false
}
