package judge

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// site is one node, and what the DaemonSet has on it.
type site struct {
	name  string
	node  *corev1.Node // nil: pods stand on a node that the look does not know
	state rollout.NodeState
	why   string // it is not eligible

	updated *corev1.Pod // of the current template and alive; the settled one if there are several
	old     *corev1.Pod // of another template and alive
	leaving *corev1.Pod // being deleted, and not over yet
	failed  *corev1.Pod // over, and not deleted yet
	over    bool        // failed is of the current template, and over by its containers' doing

	predecessor *corev1.Pod // of another DaemonSet that the target takes over from (then it is the old one), alive
	held        bool        // the predecessor's pod has settled
	waiting     *corev1.Pod // of the current template, and not bound because a predecessor's pod is there

	ends    int                  // of the updated pod's containers, and of the pods of its template before it
	ready   time.Time            // since when the updated pod is Ready without interruption; zero if it is not
	settled bool                 // the updated pod has been Ready for long enough
	down    time.Time            // since when the node is not ready; zero if it is
	lostAt  time.Time            // when this rollout lost the node; zero if it did not
	shunned bool                 // the controller does not want the node as long as it is not ready
	clocked bool                 // how its clock goes is known
	ahead   time.Duration        // of the API server's clock, if it is clocked
	stale   bool                 // its Lease has not been renewed
	before  *rollout.FailingNode // what it showed before the commit, unless it has counted since
	finding *finding
}

// counts reports whether the rollout must reach the node.
func (at *site) counts() bool {
	switch at.state {
	case rollout.IsNotEligible, rollout.IsAbsent, rollout.IsLate, rollout.IsFailingBefore:
		return false
	}
	return true
}

// missing reports whether the node has no pod at all, not even one that is going.
func (at *site) missing() bool { return at.updated == nil && at.old == nil && at.leaving == nil }

// visit makes a site of every node, and of every node that only pods know.
func visit(s *survey) {
	s.sites = make([]site, 0, len(s.look.Nodes))
	for _, n := range s.look.Nodes {
		s.sites = append(s.sites, site{name: n.Name, node: n})
	}
	sortSites(s)
	s.sites = slices.CompactFunc(s.sites, func(a, b site) bool { return a.name == b.name })
	lookForEndings(s)
	place(s)
	sortSites(s)
	setClocks(s)
	leases := heartbeatsOf(s)
	for i := range s.sites {
		at := &s.sites[i]
		if beat, known := leases[at.name]; known {
			at.stale, at.ahead, at.clocked = s.now.Sub(beat.last) > leaseTolerance, beat.ahead, beat.told
		}
		allowForClock(s, at)
		classify(s, at)
		rememberEnding(s, at)
	}
	letOff(s)
	nobodyElseCounts(s)
}

func sortSites(s *survey) {
	byName := func(a, b site) int { return strings.Compare(a.name, b.name) }
	if !slices.IsSortedFunc(s.sites, byName) {
		slices.SortFunc(s.sites, byName)
	}
}

// place puts every pod that the DaemonSet owns on its site.
func place(s *survey) {
	known := make(map[string]int, len(s.sites))
	for i := range s.sites {
		known[s.sites[i].name] = i
	}
	for _, p := range s.look.Pods {
		name := fact.TargetNode(p)
		if name == "" || !fact.Owns(s.live, p) {
			continue
		}
		i, found := known[name]
		if !found {
			i = len(s.sites)
			known[name] = i
			s.sites = append(s.sites, site{name: name})
		}
		stand(s, &s.sites[i], p)
	}
	placePredecessors(s, func(name string) *site {
		i, found := known[name]
		if !found {
			return nil
		}
		return &s.sites[i]
	})
}

// stand puts one pod on its site. Of two of a kind the same one is taken whatever order they come in.
func stand(s *survey, at *site, p *corev1.Pod) {
	if !fact.IsOver(p) && !s.isUpdated(p) {
		s.oldPods++
	}
	switch {
	case fact.IsOver(p):
		if p.DeletionTimestamp == nil {
			at.failed = elder(at.failed, p)
			at.over = endedByItself(s, at.failed)
		}
	case p.DeletionTimestamp != nil:
		at.leaving = elder(at.leaving, p)
	case !s.isUpdated(p):
		at.old = elder(at.old, p)
	default:
		standUpdated(s, at, p)
	}
}

// standUpdated weighs an updated pod against the one that stands there already.
func standUpdated(s *survey, at *site, p *corev1.Pod) {
	ends := s.endsOnProbation(p, at.name)
	ready, isReady := fact.ReadySince(p)
	settled := false
	if isReady {
		instant := ready.Add(s.options.SettlesAfter(s.minReady, ends))
		settled = !s.now.Before(instant)
		s.wakeAt(instant)
	}
	if at.updated == nil || (settled && !at.settled) || (settled == at.settled && elder(at.updated, p) == p) {
		at.updated, at.ends, at.ready, at.settled = p, ends, ready, settled
	}
}

// elder is the pod that the controller would keep of two: the one that is bound to its node, then the older one.
func elder(a, b *corev1.Pod) *corev1.Pod {
	if a == nil {
		return b
	}
	if bound := a.Spec.NodeName != ""; bound != (b.Spec.NodeName != "") {
		if bound {
			return a
		}
		return b
	}
	if at, bt := a.CreationTimestamp.Time, b.CreationTimestamp.Time; !at.Equal(bt) {
		if at.Before(bt) {
			return a
		}
		return b
	}
	if a.Name <= b.Name {
		return a
	}
	return b
}

// classify says what a node is to the rollout (docs/design.md §5, "Which nodes").
func classify(s *survey, at *site) {
	if at.node != nil {
		at.down, _ = fact.NotReadySince(at.node, s.now)
		at.shunned = s.wish.Shunned(at.node)
		at.why = s.wish.Refuses(at.node)
	}
	if at.node == nil && !s.look.Lacks(rollout.KindNodes) {
		at.why = "the node does not exist any more"
	}
	at.state = classOf(s, at)
	if at.stale || at.state == rollout.IsLost || !at.down.IsZero() {
		at.settled = false // a pod cannot be better than its node
	}
	if at.state == rollout.IsSettled && !at.settled {
		at.state = rollout.IsUpdated
	}
}

// classOf is a node's class, by the node first and by its pods if it is present.
func classOf(s *survey, at *site) rollout.NodeState {
	late := at.node != nil && !s.offline() && at.node.CreationTimestamp.After(s.target.AppliedAt)
	switch {
	case at.why != "":
		return rollout.IsNotEligible
	case late:
		return rollout.IsLate
	case isLost(s, at):
		return rollout.IsLost
	case !at.down.IsZero():
		return rollout.IsAbsent
	}
	return podState(at)
}

// podState is what a present node's pods make of it.
func podState(at *site) rollout.NodeState {
	switch {
	case at.settled:
		return rollout.IsSettled
	case at.updated != nil:
		return rollout.IsUpdated
	case at.old != nil || at.leaving != nil:
		return rollout.IsOld
	}
	return rollout.IsMissing
}

// isAvailable reports whether the controller would call a pod available: Ready for minReadySeconds.
func (s *survey) isAvailable(p *corev1.Pod) bool {
	c := fact.PodCondition(p, corev1.PodReady)
	if c == nil || c.Status != corev1.ConditionTrue {
		return false
	}
	return s.minReady == 0 || !s.now.Before(c.LastTransitionTime.Add(s.minReady)) // without it the controller asks no clock
}
