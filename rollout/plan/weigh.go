package plan

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
	"github.com/daemongate/daemongate/rollout/storage"
)

// weighing is a plan in the making.
type weighing struct {
	in       Input
	plan     Plan
	pod      *corev1.Pod // that is weighed
	preempts bool
	was      *fact.Eligibility // nil: the DaemonSet is new
	will     fact.Eligibility
	rolls    bool
	surge    bool
	has      map[string]bool // nodes with a pod that is not over
	crowd    *room.Crowd
	blocked  map[string]map[string]string // labels and values where other pods do not want it near
	features []string                     // that a node must declare
	storage  *storage.Weighing            // nil: no volume of it is weighed
	volumes  map[string][]int             // the nodes of the plan that would get the same PersistentVolume
}

// Weigh says what a commit would do to a DaemonSet. It is pure.
func Weigh(in Input) Plan {
	w := newWeighing(in)
	w.place()
	return w.conclude(nil)
}

// place weighs the pod on every node.
func (w *weighing) place() {
	in := &w.in
	w.crowd = room.NewCrowd(in.Pods, in.Others)
	w.plan = Plan{Namespace: in.Next.Namespace, Name: in.Next.Name, New: in.Current == nil, Rolls: w.rolls,
		Admitted: in.Pod != nil, Asks: Asks(w.pod), Refused: slices.Clone(in.Refused), Unread: in.Unread}
	w.addNodes(&w.plan)
	w.plan.Pace = w.pace(&w.plan)
}

// conclude says what it comes to, beside other DaemonSets of the commit.
func (w *weighing) conclude(beside []*weighing) Plan {
	in, p := &w.in, &w.plan
	change := ahead.LookAhead(in.Current, in.Next, in.Nodes, in.Pods, in.Now, in.Options)
	if c := change.Refused; c != nil {
		p.Refused = append(p.Refused, Refusal{By: "Daemongate", Why: c.Message, Remedy: c.Remedy})
	}
	p.Refused = append(p.Refused, w.quotas(beside)...)
	p.Hold = change.Hold
	p.Missing = w.missing()
	p.Risks = w.risks(p)
	p.NotWeighed = append(w.notWeighed(), w.quotasNotWeighed()...)
	p.Outcome = outcome(p)
	p.Headline = headline(p)
	return *p
}

func newWeighing(in Input) *weighing {
	w := &weighing{in: in, will: fact.EligibilityOf(&in.Next.Spec.Template), has: map[string]bool{},
		surge: surges(in.Next)}
	w.pod, w.preempts = weighed(in)
	w.rolls = in.Current == nil || !equality.Semantic.DeepEqual(in.Current.Spec.Template, in.Next.Spec.Template)
	if in.Current != nil {
		was := fact.EligibilityOf(&in.Current.Spec.Template)
		w.was = &was
	}
	for _, p := range in.Pods {
		if w.isOwn(p) && p.Spec.NodeName != "" && !fact.IsOver(p) {
			w.has[p.Spec.NodeName] = true
		}
	}
	w.blocked = blockedPlaces(w.pod, in)
	w.features = featuresOf(w.pod)
	w.storage, w.volumes = storage.Weigh(in.Storage, w.pod), map[string][]int{}
	return w
}

// weighed is the pod that is weighed, and whether it may preempt others.
func weighed(in Input) (p *corev1.Pod, preempts bool) {
	if in.Pod != nil {
		p = in.Pod.DeepCopy()
		p.Name, p.Spec.NodeName = "", ""
		policy := p.Spec.PreemptionPolicy
		return p, policy == nil || *policy != corev1.PreemptNever
	}
	p = fact.PodOf(in.Next)
	r, _ := fact.RankOf(&p.Spec, in.Classes)
	p.Spec.Priority, p.Spec.PriorityClassName = &r.Value, r.Class
	return p, r.Preempts
}

func surges(d *appsv1.DaemonSet) bool {
	r := d.Spec.UpdateStrategy.RollingUpdate
	if r == nil || r.MaxSurge == nil || onDelete(d) {
		return false
	}
	return r.MaxSurge.IntValue() > 0 || r.MaxSurge.StrVal != "" && r.MaxSurge.StrVal != "0%"
}

func onDelete(d *appsv1.DaemonSet) bool {
	return d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
}

func (w *weighing) isOwn(p *corev1.Pod) bool {
	return w.in.Current != nil && fact.Owns(w.in.Current, p)
}

// addNodes weighs every node that the commit wants a pod on.
func (w *weighing) addNodes(p *Plan) {
	nodes := slices.Clone(w.in.Nodes)
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	for _, n := range nodes {
		was := w.was != nil && w.was.Refuses(n) == ""
		switch will := w.will.Refuses(n) == ""; {
		case will:
			at := w.node(n)
			if at.Joins = !was; at.Joins {
				p.Joins = append(p.Joins, n.Name)
			}
			p.Nodes = append(p.Nodes, at)
		case was || w.has[n.Name]:
			p.Leaves = append(p.Leaves, n.Name)
		}
	}
	w.addContested(p)
}

// node weighs one node. Where the pods are not replaced only a node without one is.
func (w *weighing) node(n *corev1.Node) Node {
	at := Node{Name: n.Name, Pool: fact.PoolOf(n), Room: Keeps}
	if w.has[n.Name] && !w.rolls {
		return at
	}
	at.NotWeighed = w.notWeighedOn(n)
	at.Beside = w.surge && w.has[n.Name]
	w.addVolumes(&at, n)
	fit := w.try(n, !at.Beside)
	at.Short = fit.Short
	switch {
	case len(at.Obstacles) > 0:
		at.Room = NoRoom
	case len(fit.Short) == 0 && !w.crowd.Knows(n.Name):
		at.Room = RoomUnknown
	case len(fit.Short) == 0:
		at.Room = HasRoom
	case len(fit.Victims) > 0:
		at.Room, at.Preempts = ByPreempt, victims(fit.Victims)
	default:
		at.Room, at.Equal = NoRoom, victims(fit.Equal)
	}
	if at.Beside && len(fit.Short) > 0 && len(at.Obstacles) == 0 {
		at.AfterOld = len(w.try(n, true).Short) == 0
	}
	return at
}

// try weighs the pod on a node, with the old pod there or without it. Where the other pods are not known the whole node
// is weighed, and how much of it is free is not said.
func (w *weighing) try(n *corev1.Node, withoutOld bool) room.Fit {
	var beside room.Beside
	if w.storage != nil {
		beside = func(there, gone []*corev1.Pod) []rollout.Shortfall { return w.storage.Short(n, there, gone) }
	}
	fit := w.crowd.Try(w.pod, n, w.preempts, func(o *corev1.Pod) bool { return withoutOld && w.isOwn(o) }, beside)
	if !w.crowd.Knows(n.Name) {
		for i := range fit.Short {
			fit.Short[i].Free = ""
		}
	}
	return fit
}

func victims(pods []*corev1.Pod) []Victim {
	var list []Victim
	for _, p := range pods {
		list = append(list, Victim{Pod: room.FullName(p), Priority: room.PriorityOf(p)})
	}
	slices.SortFunc(list, func(a, b Victim) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Pod, b.Pod))
	})
	return list
}

// outcome is the worst that is said.
func outcome(p *Plan) Outcome {
	rooms := map[Room]int{}
	for i := range p.Nodes {
		rooms[p.Nodes[i].Room]++
	}
	switch {
	case len(p.Refused) > 0:
		return Refused
	case rooms[NoRoom] > 0:
		return WillNotFit
	case slices.ContainsFunc(p.Missing, func(m Missing) bool { return m.Then != thenPull }):
		return CannotStart
	case rooms[RoomUnknown] > 0 || slices.ContainsFunc(p.Unread, func(u rollout.Unknown) bool {
		return u.Kind == rollout.KindNodes
	}):
		return NotKnown
	case p.Hold != "":
		return Held
	case rooms[ByPreempt] > 0:
		return Preempts
	}
	return Fits
}
