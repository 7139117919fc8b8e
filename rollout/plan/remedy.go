package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/rollout/words"
)

// Remedies say what to do about what speaks against a plan, the first thing first. They name pods of other namespaces
// only where names shall be told.
func (p *Plan) Remedies() []string {
	var list []string
	for _, r := range p.Refused {
		if r.Remedy != "" {
			list = append(list, r.Remedy)
		}
	}
	list = append(list, p.makeRoom()...)
	for _, m := range p.Missing {
		what := "Create " + m.Reference.String()
		if m.Key != "" {
			what = fmt.Sprintf("Add key %s to %s", m.Key, m.Reference)
		}
		list = append(list, what+", or have the commit bring it.")
	}
	return slices.Compact(list)
}

// makeRoom says what would have the pod fit where it does not.
func (p *Plan) makeRoom() []string {
	full := p.where(NoRoom)
	if len(full) == 0 {
		return nil
	}
	var afterOld, highest, larger, kept int
	high := int32(0)
	for _, n := range full {
		if len(n.Obstacles) > 0 {
			kept++
			continue
		}
		if n.AfterOld {
			afterOld++
		}
		if len(n.Equal) > 0 {
			highest++
			high = n.Equal[0].Priority
		}
		if n.wholeTooSmall() {
			larger++
		}
	}
	var list []string
	if kept > 0 {
		list = append(list, fmt.Sprintf("Leave out by nodeSelector or affinity the %s where the volume cannot go, or "+
			"give each pod a volume that can.", words.Plural(kept, "node")))
	}
	full = slices.DeleteFunc(full, func(n *Node) bool { return len(n.Obstacles) > 0 })
	if afterOld > 0 {
		list = append(list, fmt.Sprintf("Set maxSurge: 0 and maxUnavailable: 1: on %s the pod fits once the old one "+
			"has gone.", words.Plural(afterOld, "node")))
	}
	if larger > 0 {
		list = append(list, fmt.Sprintf("Ask for less, or leave out by nodeSelector or affinity the %s that are "+
			"smaller than the pod even when empty.", words.Plural(larger, "node")))
	}
	if larger < len(full) && afterOld < len(full) {
		list = append(list, "Ask for less, or make room on these nodes before the merge.")
	}
	if highest > 0 {
		list = append(list, fmt.Sprintf("On %s pods of the same priority (%d) stand in the way: equal priority is "+
			"never preempted, so the pod would stay Pending. A priorityClassName above it would preempt them.",
			words.Plural(highest, "node"), high))
	}
	return list
}

// wholeTooSmall reports whether a node is too small for the pod even when nothing else stands there.
func (n *Node) wholeTooSmall() bool {
	for _, f := range n.Short {
		if f.Allocatable == "" {
			continue
		}
		if x, y := parse(f.Asked), parse(f.Allocatable); x.Cmp(y) > 0 {
			return true
		}
	}
	return false
}

// Names are those of the nodes on which it is like this.
func (p *Plan) Names(r Room) []string {
	var names []string
	for _, n := range p.where(r) {
		names = append(names, n.Name)
	}
	return names
}

// Object is the DaemonSet as a person names it.
func (p *Plan) Object() string { return fmt.Sprintf("DaemonSet %s/%s", p.Namespace, p.Name) }

// Sentence is the pace in words.
func (p *Pace) Sentence() string {
	how := "in place of the old ones"
	if p.Surge {
		how = "beside the old ones"
	}
	text := fmt.Sprintf("replaces %s, %d at a time, %s: %s", words.Plural(p.Nodes, "pod"), p.AtATime, how,
		words.Plural(p.Waves, "wave"))
	return strings.TrimSpace(text)
}
