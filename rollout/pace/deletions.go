package pace

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// queue is the old pods of the stage that stand in line.
type queue struct {
	delete  []Deletion
	waiting int  // pods that may not go yet
	refused int  // pods that were not let go
	budgets int  // of those by a PodDisruptionBudget
	lacking int  // of those for want of rights
	again   int  // those of delete that were not let go before
	closed  bool // no window is open for them
}

// isEmpty reports whether no old pod stands in line.
func (q *queue) isEmpty() bool { return q.waiting+q.refused+len(q.delete) == 0 }

// count takes in why pods were not let go.
func (q *queue) count(refused []Refusal) {
	q.refused += len(refused)
	for _, why := range refused {
		switch {
		case why.Budget:
			q.budgets++
		case why.Forbidden:
			q.lacking++
		}
	}
}

// candidate is an old pod that can go.
type candidate struct {
	pod     *corev1.Pod
	node    string
	costs   bool // its node loses its last available pod with it
	leaving bool // its node is about to leave the cluster
	stage   int  // of its node
	again   bool // it was not let go before
}

// lineUp says which old pods go now, as far as the budget of each DaemonSet goes.
func (c *course) lineUp() queue {
	var q queue
	for _, s := range c.sets {
		c.lineUpOf(s, &q)
	}
	return q
}

func (c *course) lineUpOf(s *set, q *queue) {
	if c.progress.Back && s.Held {
		return // its controller replaces what comes back
	}
	list, refused := c.candidates(s)
	q.count(refused)
	list = notInVain(q, list, refused)
	if len(list) == 0 {
		return
	}
	switch {
	case c.in.Paused != "", len(c.failing) > 0:
		q.waiting += len(list)
		return
	case isClosed(c):
		q.waiting, q.closed = q.waiting+len(list), true
		return
	case alarmed(c):
		q.waiting += len(list)
		return
	}
	limit := s.limit(c.in.Plan)
	spent, next := s.spent()
	c.wakeAt(next)
	for _, one := range list {
		if one.costs && spent >= limit || keepsOut(c, one.stage) {
			q.waiting++
			continue
		}
		letIn(c, one.stage)
		if one.costs {
			spent++
		}
		if one.again {
			q.again++
		}
		q.delete = append(q.delete, Deletion{Namespace: one.pod.Namespace, Name: one.pod.Name, UID: one.pod.UID,
			Node: one.node, Unready: !fact.IsReady(one.pod)})
	}
}

// isClosed reports whether the stage may not begin now: no window is open, or a person holds the commit.
func isClosed(c *course) bool {
	return c.at > 0 && !c.progress.Begun && (c.in.Closed != "" || c.in.Held != "")
}

// notInVain are the pods that are worth a try: where rights are missing for some of a DaemonSet those alone, since the
// others may not go either.
func notInVain(q *queue, list []candidate, refused []Refusal) []candidate {
	if !slices.ContainsFunc(refused, func(r Refusal) bool { return r.Forbidden }) {
		return list
	}
	all := len(list)
	list = slices.DeleteFunc(list, func(one candidate) bool { return !one.again })
	q.waiting += all - len(list)
	return list
}

// candidates are the old pods of the stage that can go, in their order: those first that cost nothing, then those of
// nodes that stay, then by the names of their nodes. There is one of each node. Refused is why others were not let go,
// and those that are tried again.
func (c *course) candidates(s *set) (list []candidate, refused []Refusal) {
	for i := range s.sites {
		at := &s.sites[i]
		if !isReachable(at) || !c.takes(s, i) {
			continue
		}
		why, is := s.Refused[at.old.UID]
		if is {
			refused = append(refused, why)
		}
		if is && !why.Again {
			continue
		}
		list = append(list, candidate{pod: at.old, node: c.places[i].name, costs: at.available == 1 && !at.freed,
			leaving: isLeaving(c.places[i].node), stage: c.places[i].stage, again: is})
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(order(a.costs, b.costs), order(a.leaving, b.leaving), cmp.Compare(a.node, b.node))
	})
	return list, refused
}

// takes reports whether the old pod of a node is one of this stage, or of one before it.
func (c *course) takes(s *set, i int) bool {
	if c.at == 0 {
		return s.sites[i].broken
	}
	return c.places[i].stage <= c.at
}

// isReachable reports whether the old pod of a node can go: the node is there, and none of its pods is going already.
func isReachable(at *site) bool {
	return at.meant && at.old != nil && !at.going && !at.down && at.state != rollout.IsAbsent
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// The taints of nodes that are about to leave, or have lost what runs there.
var leavingTaints = []string{
	"ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler", "karpenter.sh/disrupted",
	corev1.TaintNodeOutOfService,
}

func isLeaving(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return slices.Contains(leavingTaints, t.Key)
	})
}
