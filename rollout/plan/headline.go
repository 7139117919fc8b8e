package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// Asks is what a pod asks for, in a line.
func Asks(p *corev1.Pod) string {
	requests := helpers.PodRequests(p, helpers.PodResourcesOptions{})
	var list []string
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		if q := requests[name]; !q.IsZero() {
			list = append(list, fmt.Sprintf("%s %s", name, q.String()))
		}
	}
	return strings.Join(list, ", ")
}

// headline is what a plan comes to, in a sentence without names of nodes.
func headline(p *Plan) string {
	switch p.Outcome {
	case Refused:
		return "will be refused by " + p.Refused[0].By + ": " + p.Refused[0].Why
	case WillNotFit:
		return fmt.Sprintf("will not fit %s: %s", p.countOf(NoRoom), p.shortest())
	case CannotStart:
		return "cannot start: " + p.missed()
	case Held:
		return "will wait: " + p.Hold
	case NotKnown:
		if len(p.Nodes) == 0 {
			return "cannot be weighed: nodes could not be read"
		}
		return "cannot be weighed: the other pods on the nodes could not be read"
	case Preempts:
		if len(p.Nodes) == 1 {
			return "fits the only node, but there only by preempting others"
		}
		return fmt.Sprintf("fits %s, on %d of them only by preempting others", p.all(), p.count(ByPreempt))
	}
	if len(p.Nodes) == 0 {
		return "is meant for no node"
	}
	if p.count(Keeps) == len(p.Nodes) {
		return "leaves the pods on " + p.all() + " as they are"
	}
	return "fits " + p.all()
}

// count is on how many nodes it is like this.
func (p *Plan) count(r Room) int { return len(p.where(r)) }

// where are the nodes on which it is like this.
func (p *Plan) where(r Room) []*Node {
	var list []*Node
	for i := range p.Nodes {
		if p.Nodes[i].Room == r {
			list = append(list, &p.Nodes[i])
		}
	}
	return list
}

func (p *Plan) all() string {
	if len(p.Nodes) == 1 {
		return "the only node"
	}
	return fmt.Sprintf("all %d nodes", len(p.Nodes))
}

func (p *Plan) countOf(r Room) string {
	return fmt.Sprintf("%d of %s", p.count(r), words.Plural(len(p.Nodes), "node"))
}

// shortest is what most nodes without room lack, where that is, and by how much at most.
func (p *Plan) shortest() string {
	byResource := map[string][]rollout.Shortfall{}
	pools, volumes := map[string]bool{}, map[string]bool{}
	for _, n := range p.where(NoRoom) {
		pools[n.Pool] = true
		for _, f := range n.Short {
			byResource[f.Resource] = append(byResource[f.Resource], f)
		}
		for _, o := range n.Obstacles {
			what := o.Sentence()
			volumes[what] = true
			byResource[what] = append(byResource[what], rollout.Shortfall{Resource: what})
		}
	}
	most := slices.SortedFunc(maps.Keys(byResource), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byResource[b]), len(byResource[a])), cmp.Compare(a, b))
	})
	text := most[0]
	if !volumes[text] {
		text = lackOf(text, byResource[text])
	}
	if len(pools) == 1 && !pools[""] {
		text += " on pool " + slices.Collect(maps.Keys(pools))[0]
	}
	return text
}

// lackOf is the largest of some shortfalls of one resource.
func lackOf(name string, list []rollout.Shortfall) string {
	switch name {
	case rollout.HostPort:
		return fmt.Sprintf("host port %s is taken", list[0].Asked)
	case string(corev1.ResourcePods):
		return "too many pods"
	}
	largest := slices.MaxFunc(list, func(a, b rollout.Shortfall) int {
		x, y := parse(a.ShortBy), parse(b.ShortBy)
		return x.Cmp(y)
	})
	return fmt.Sprintf("%s %s short", largest.ShortBy, name)
}

// parse reads a quantity that was written here.
func parse(text string) resource.Quantity {
	q, _ := resource.ParseQuantity(text)
	return q
}

// missed names what is missing first.
func (p *Plan) missed() string {
	var m Missing
	n := 0
	for _, one := range p.Missing {
		if one.Then != thenPull {
			if n == 0 {
				m = one
			}
			n++
		}
	}
	text := m.Reference.String() + " is missing"
	if m.Key != "" {
		text = fmt.Sprintf("%s has no key %s", m.Reference, m.Key)
	}
	if n > 1 {
		text += fmt.Sprintf(", and %d more", n-1)
	}
	return text
}
