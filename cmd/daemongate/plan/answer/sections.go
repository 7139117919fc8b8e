package answer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
)

// section is some lines about one thing.
type section struct {
	title string
	lines []string
}

// mostNodes is of how many nodes the shortfalls are told one by one.
const mostNodes = 10

// sectionsOf says all of one DaemonSet, what to do first. Nodes, and pods on them, are named only with names.
func sectionsOf(p *plan.Plan, names bool) []section {
	var list []section
	add := func(title string, lines []string) {
		if len(lines) > 0 {
			list = append(list, section{title, lines})
		}
	}
	add("What to do", p.Remedies())
	add("Refused", refusals(p))
	add("No room", room(p, plan.NoRoom, names))
	add("Others would be preempted", room(p, plan.ByPreempt, names))
	add("Missing", missing(p))
	add("Rollout", rolls(p, names))
	add("Risks", risks(p))
	add("Not weighed", notWeighed(p, names))
	return list
}

func refusals(p *plan.Plan) (lines []string) {
	for _, r := range p.Refused {
		lines = append(lines, fmt.Sprintf("by %s: %s", r.By, r.Why))
	}
	return lines
}

// room tells of the nodes that take the pod like this: one by one, or how many lack what.
func room(p *plan.Plan, r plan.Room, names bool) (lines []string) {
	var nodes []*plan.Node
	for i := range p.Nodes {
		if p.Nodes[i].Room == r {
			nodes = append(nodes, &p.Nodes[i])
		}
	}
	if !names {
		return counted(nodes)
	}
	for _, n := range nodes[:min(len(nodes), mostNodes)] {
		for _, f := range n.Short {
			lines = append(lines, f.String())
		}
		for _, o := range n.Obstacles {
			lines = append(lines, fmt.Sprintf("%s: volume %s: %s", n.Name, o.Volume, o.Why))
		}
		if len(n.Preempts) > 0 {
			lines = append(lines, fmt.Sprintf("%s: would preempt %s", n.Name, victims(n.Preempts)))
		}
		if len(n.Equal) > 0 {
			lines = append(lines, fmt.Sprintf("%s: does not preempt %s", n.Name, victims(n.Equal)))
		}
	}
	if more := len(nodes) - mostNodes; more > 0 {
		lines = append(lines, fmt.Sprintf("and %s: %s", words.Plural(more, "more node"),
			words.FoldSome(namesOf(nodes[mostNodes:]))))
	}
	return lines
}

func namesOf(nodes []*plan.Node) (names []string) {
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names
}

// counted tells how many nodes lack what, without names.
func counted(nodes []*plan.Node) (lines []string) {
	type lack struct{ pool, what string }
	count := map[lack]int{}
	var order []lack
	add := func(l lack) {
		if count[l]++; count[l] == 1 {
			order = append(order, l)
		}
	}
	for _, n := range nodes {
		for _, f := range n.Short {
			what := f.Resource + " " + f.Asked + " asked for"
			if f.ShortBy != "" {
				what += ", short by " + f.ShortBy
			}
			add(lack{n.Pool, what})
		}
		for _, o := range n.Obstacles {
			add(lack{n.Pool, o.Sentence()})
		}
	}
	for _, l := range order {
		where := words.Plural(count[l], "node")
		if l.pool != "" {
			where += " of pool " + l.pool
		}
		lines = append(lines, where+": "+l.what)
	}
	if over := len(lines) - mostNodes; over > 0 {
		lines = append(lines[:mostNodes], fmt.Sprintf("and %d more such lines", over))
	}
	return lines
}

func victims(list []plan.Victim) string {
	var all []string
	for _, v := range list {
		all = append(all, fmt.Sprintf("%s (priority %d)", v.Pod, v.Priority))
	}
	return words.Listed(all)
}

func missing(p *plan.Plan) (lines []string) {
	for _, m := range p.Missing {
		what := m.Reference.String()
		if m.Key != "" {
			what += ", key " + m.Key
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s", what, m.Where, m.Then))
	}
	return lines
}

// rolls tells what the commit does to the pods, and how long that takes.
func rolls(p *plan.Plan, names bool) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if p.Asks != "" {
		say("a pod asks for %s", p.Asks)
	}
	switch {
	case p.Pace != nil && p.Pace.Seconds > 0:
		say("%s, about %s by an estimate: %s each, as in the last rollout", p.Pace.Sentence(),
			human(p.Pace.Seconds), human(p.Pace.SecondsPerWave))
	case p.Pace != nil:
		say("%s; how long one takes is not known: nothing tells of a rollout before", p.Pace.Sentence())
	case p.New:
		say("is new: all its pods are made at once")
	case p.Rolls && p.Paced:
		say("its old pods are evicted stage by stage")
	case p.Rolls:
		say("updateStrategy OnDelete: a pod is replaced when somebody deletes it")
	}
	told := func(format string, nodes []string) {
		if len(nodes) == 0 {
			return
		}
		text := fmt.Sprintf(format, words.Plural(len(nodes), "node"))
		if names {
			text += ": " + words.FoldSome(nodes)
		}
		say("%s", text)
	}
	if !p.New {
		told("comes to %s", p.Joins)
	}
	told("leaves %s, all at once whatever maxUnavailable is", p.Leaves)
	if p.Hold != "" {
		say("%s", p.Hold)
	}
	return lines
}

func human(seconds float64) string {
	return duration.HumanDuration(time.Duration(seconds * float64(time.Second)))
}

func risks(p *plan.Plan) (lines []string) {
	for _, r := range p.Risks {
		lines = append(lines, strings.TrimSuffix(r.Text, ".")+". "+r.Remedy)
	}
	return lines
}

// notWeighed tells of the DaemonSet's first, then of its nodes'.
func notWeighed(p *plan.Plan, names bool) (lines []string) {
	lines = append(lines, p.NotWeighed...)
	on := map[string][]string{}
	for i := range p.Nodes {
		for _, why := range p.Nodes[i].NotWeighed {
			if !names {
				why, _, _ = strings.Cut(why, " of pod ")
			}
			on[why] = append(on[why], p.Nodes[i].Name)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(on)) {
		where := words.Plural(len(on[why]), "node")
		if names {
			where = words.FoldSome(on[why])
		}
		lines = append(lines, fmt.Sprintf("on %s: %s", where, why))
	}
	return lines
}
