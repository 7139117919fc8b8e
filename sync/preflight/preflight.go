// Package preflight says which DaemonSets of a commit would not fit their nodes, before its first write. It knows the
// nodes, and not what else stands on them: a node counts that is too small for the pod when it is empty.
package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Finding is what was found of one DaemonSet, or of several.
type Finding struct {
	// Message says where pods would not fit and by how much; empty if they fit as far as is known.
	Message api.Message
	// Serious is set if they are more nodes than may fail.
	Serious bool
	// nodes names the nodes that are too small, by DaemonSet.
	nodes string
}

// And is both findings.
func (f Finding) And(more Finding) Finding {
	return Finding{Message: f.Message.And(more.Message), Serious: f.Serious || more.Serious,
		nodes: f.nodes + more.nodes}
}

// differs reports whether something else is found than before: other nodes are too small, or there are more than may
// fail, or no longer. How many nodes there are besides makes no difference.
func (f Finding) differs(before Finding) bool {
	return f.Serious != before.Serious || f.nodes != before.nodes
}

// Weigh weighs the pods of a DaemonSet on its nodes. A node that is too small for the pods of today counts for nothing:
// the commit makes it no worse. Names has nodes named to those who may read the Sync. It is pure.
func Weigh(look rollout.Look, next *appsv1.DaemonSet, o rollout.Options, names bool) Finding {
	o = o.WithDefaults()
	after := tooSmall(look, next, o)
	if len(after.nodes) == 0 {
		return Finding{}
	}
	if look.DaemonSet != nil {
		now := tooSmall(rollout.Look{Now: look.Now, Nodes: look.Nodes}, look.DaemonSet, o)
		maps.DeleteFunc(after.nodes, func(name string, _ rollout.Shortfall) bool {
			_, already := now.nodes[name]
			return already
		})
	}
	n := len(after.nodes)
	if n == 0 {
		return Finding{}
	}
	public := api.Public(fmt.Sprintf("pods of DaemonSet %s/%s would not fit %d of %s: %s", next.Namespace, next.Name, n,
		words.Plural(after.eligible, "node"), after.lack()))
	m, small := api.ForAll(public), slices.Sorted(maps.Keys(after.nodes))
	if names {
		m.Private += " (" + words.FoldNames(small) + ")"
	}
	return Finding{Message: m, Serious: n > rollout.Portion(o.FailureBudget, after.eligible),
		nodes: fmt.Sprintf("%s/%s: %s\n", next.Namespace, next.Name, strings.Join(small, " "))}
}

// small are nodes that are too small for a pod, with what each lacks, out of so many that it is meant for.
type small struct {
	nodes    map[string]rollout.Shortfall
	eligible int
}

// tooSmall weighs by the same arithmetic as daemongate plan. What a node does not have at all, such as the devices of a
// plugin that is yet to come, is no shortfall.
func tooSmall(look rollout.Look, next *appsv1.DaemonSet, o rollout.Options) small {
	p := plan.Weigh(plan.Input{Now: look.Now, Current: look.DaemonSet, Next: next, Nodes: look.Nodes, Pods: look.Pods,
		Options: o})
	s := small{nodes: map[string]rollout.Shortfall{}, eligible: len(p.Nodes)}
	for i := range p.Nodes {
		at := &p.Nodes[i]
		short := slices.IndexFunc(at.Short, hasSome)
		if at.Room == plan.NoRoom && short >= 0 {
			s.nodes[at.Name] = at.Short[short]
		}
	}
	return s
}

// hasSome reports whether a node has anything of what it has too little of.
func hasSome(f rollout.Shortfall) bool { return quantity(f.Allocatable).Sign() > 0 }

// lack is what most of the nodes lack, and what the largest of them has.
func (s small) lack() string {
	byResource := map[string][]rollout.Shortfall{}
	for _, f := range s.nodes {
		byResource[f.Resource] = append(byResource[f.Resource], f)
	}
	most := slices.MinFunc(slices.Collect(maps.Keys(byResource)), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byResource[b]), len(byResource[a])), strings.Compare(a, b))
	})
	largest := slices.MaxFunc(byResource[most], func(a, b rollout.Shortfall) int {
		return quantity(a.Allocatable).Cmp(*quantity(b.Allocatable))
	})
	return fmt.Sprintf("each asks for %s %s, and the largest of these nodes has %s", most, largest.Asked,
		largest.Allocatable)
}

// quantity reads one as Kubernetes writes it; what is none is zero.
func quantity(text string) *resource.Quantity {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return &resource.Quantity{}
	}
	return &q
}
