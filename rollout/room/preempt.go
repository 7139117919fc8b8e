package room

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/daemongate/daemongate/rollout"
)

// Fit is how a pod fares on a node of which every pod is known.
type Fit struct {
	// Short is what the node lacks as it is; empty if the pod fits.
	Short []rollout.Shortfall
	// Victims are the pods of lower priority that the scheduler would preempt so that it fits; empty if nothing helps.
	Victims []*corev1.Pod
	// Equal are the pods of the same priority that hold what is lacking. The scheduler never preempts them.
	Equal []*corev1.Pod
}

// Beside says what else a node is short of for a pod beside those that are there, of which not each takes a part of its
// own: two may share a volume. Of the pods that have gone nothing is left by then.
type Beside func(there, gone []*corev1.Pod) []rollout.Shortfall

// Try says how a pod would fare on a node once some of the pods there have gone. Whether it may preempt others is up to
// its PriorityClass. Beside may be nil.
func (c *Crowd) Try(p *corev1.Pod, node *corev1.Node, preempts bool, leaves func(*corev1.Pod) bool, beside Beside) Fit {
	var there, gone []*corev1.Pod
	for _, o := range c.standingFor(p, node.Name) {
		if leaves(o) {
			gone = append(gone, o)
		} else {
			there = append(there, o)
		}
	}
	fits := func([]*corev1.Pod) bool { return true }
	lacks := lacksOf(p, node, there)
	var f Fit
	for i := range lacks {
		f.Short = append(f.Short, lacks[i].shortfall(node.Name))
	}
	if beside != nil {
		fits = func(there []*corev1.Pod) bool { return len(beside(there, gone)) == 0 }
		f.Short = append(f.Short, beside(there, gone)...)
	}
	if len(f.Short) == 0 {
		return f
	}
	if preempts {
		f.Victims = c.victimsOf(p, node, there, fits)
	}
	if len(f.Victims) == 0 {
		f.Equal = holdersAsHigh(p, there, lacks)
	}
	return f
}

// holdersAsHigh are the pods of the same priority that hold what is lacking.
func holdersAsHigh(p *corev1.Pod, there []*corev1.Pod, lacks []lack) []*corev1.Pod {
	var list []*corev1.Pod
	for _, o := range there {
		takes := requestsOf(o)
		if PriorityOf(o) == PriorityOf(p) && slices.ContainsFunc(lacks, func(l lack) bool {
			return l.holds(o, takes) > 0
		}) {
			list = append(list, o)
		}
	}
	return list
}

// victimsOf chooses as the scheduler does: without all pods of lower priority the pod must fit; then as many of these
// as still leave room stay, those first whose PodDisruptionBudget forbids it, then the higher priority, then the older
// one (kubernetes pkg/scheduler/framework/plugins/defaultpreemption, SelectVictimsOnNode).
func (c *Crowd) victimsOf(p *corev1.Pod, node *corev1.Node, there []*corev1.Pod,
	fitsBeside func([]*corev1.Pod) bool) []*corev1.Pod {
	asks := asksOf(p, node)
	var lower, stay []*corev1.Pod
	for _, o := range there {
		if o.Spec.NodeName != "" && PriorityOf(o) < PriorityOf(p) {
			lower = append(lower, o)
			continue
		}
		take(asks, o, 1)
		stay = append(stay, o)
	}
	if len(lower) == 0 || !fits(asks) || !fitsBeside(stay) {
		return nil
	}
	slices.SortStableFunc(lower, byImportance)
	var victims []*corev1.Pod
	for _, o := range c.promisedFirst(lower) {
		if take(asks, o, 1); fits(asks) && fitsBeside(append(stay, o)) {
			stay = append(stay, o)
			continue
		}
		take(asks, o, -1)
		victims = append(victims, o)
	}
	return victims
}

// take counts a pod as standing there, or as gone again.
func take(asks []lack, o *corev1.Pod, times int64) {
	takes := requestsOf(o)
	for i := range asks {
		asks[i].used += times * asks[i].holds(o, takes)
	}
}

// fits reports whether there is enough of all that a pod asks for.
func fits(asks []lack) bool {
	return !slices.ContainsFunc(asks, func(l lack) bool { return l.asked > l.allocatable-l.used })
}

// byImportance sorts the higher priority first, then the pod that started earlier; one that has not is the youngest.
func byImportance(a, b *corev1.Pod) int {
	switch x, y := a.Status.StartTime, b.Status.StartTime; {
	case PriorityOf(a) != PriorityOf(b):
		return cmp.Compare(PriorityOf(b), PriorityOf(a))
	case x == nil || y == nil:
		return cmp.Compare(started(y), started(x))
	default:
		return x.Compare(y.Time)
	}
}

// started is 1 for a time that is known.
func started(t *metav1.Time) int {
	if t == nil {
		return 0
	}
	return 1
}

// promise is a PodDisruptionBudget, with its selector read once for all pods.
type promise struct {
	budget   *policyv1.PodDisruptionBudget
	selector labels.Selector
	place    int
}

// promisesOf are the budgets of which the scheduler counts the pods that go, by namespace.
func promisesOf(budgets []*policyv1.PodDisruptionBudget) map[string][]promise {
	all := map[string][]promise{}
	for i, b := range budgets {
		if selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err == nil && !selector.Empty() {
			all[b.Namespace] = append(all[b.Namespace], promise{b, selector, i})
		}
	}
	return all
}

// promisedFirst puts those pods first whose going a PodDisruptionBudget would not allow.
func (c *Crowd) promisedFirst(pods []*corev1.Pod) []*corev1.Pod {
	if c.promises == nil {
		c.promises = promisesOf(c.others.Budgets)
	}
	gone := map[int]int32{} // of each budget, so far
	var promised, others []*corev1.Pod
	for _, p := range pods {
		broken := slices.ContainsFunc(c.promises[p.Namespace], func(b promise) bool {
			if !b.counts(p) {
				return false
			}
			gone[b.place]++
			return gone[b.place] > b.budget.Status.DisruptionsAllowed
		})
		if broken {
			promised = append(promised, p)
		} else {
			others = append(others, p)
		}
	}
	return append(promised, others...)
}

// counts reports whether the scheduler counts a pod's going against a budget.
func (b promise) counts(p *corev1.Pod) bool {
	_, counted := b.budget.Status.DisruptedPods[p.Name]
	return len(p.Labels) > 0 && !counted && b.selector.Matches(labels.Set(p.Labels))
}
