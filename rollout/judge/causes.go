package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// found is what one look found out about why nodes have not settled.
type found struct {
	more  []*survey.Finding // of the DaemonSet as a whole; what single nodes show is in the sums
	final bool              // whatever is wrong is final: the deadline has passed
}

// gathered are groups that are one cause.
type gathered struct {
	rollout.Cause
	key    string
	lead   *survey.Finding
	groups []*survey.Group
	nodes  int // with repetitions
	finals int
}

// kind is what findings have in common that are one cause.
type kind struct {
	code rollout.Code
	key  string
}

// causesOf gathers findings into causes, those that lead first. Final ones are only so if they are enough to be stuck.
func causesOf(s *survey.Survey, f found, stuck bool) []rollout.Cause {
	var all []*gathered
	byKind := map[kind]*gathered{}
	for _, sum := range s.Sums {
		for _, group := range sum.Causes {
			all = putTogether(all, byKind, group, f.final)
		}
	}
	var more gatherer
	for _, one := range f.more {
		more.add(one)
	}
	for _, group := range more.groups {
		all = putTogether(all, byKind, group, f.final)
	}
	slices.SortStableFunc(all, func(a, b *gathered) int {
		return cmp.Or(a.lead.Leads(b.lead), cmp.Compare(b.finals, a.finals), cmp.Compare(b.nodes, a.nodes))
	})
	list := make([]rollout.Cause, 0, len(all))
	for _, g := range all {
		g.Final = stuck && g.finals > 0
		g.tell(s)
		list = append(list, g.Cause)
	}
	return list
}

// putTogether puts a group to those of its kind.
func putTogether(all []*gathered, byKind map[kind]*gathered, group *survey.Group, final bool) []*gathered {
	k := kind{group.Code, group.Key}
	g := byKind[k]
	lead, finals := group.Lead, group.Finals
	if final && group.Code != rollout.Starting {
		ripe := *group.Deepest // the next look goes on from the other one
		ripe.Final = true
		lead, finals = &ripe, group.Size
	}
	if g == nil {
		g = &gathered{Cause: group.Cause, key: group.Key, lead: lead}
		g.Nodes, g.Pods = nil, nil
		byKind[k], all = g, append(all, g)
	} else if finals > 0 {
		g.lead = survey.Lead(g.lead, lead)
	}
	if group.Since.Before(g.Since) {
		g.Since = group.Since
	}
	g.groups, g.nodes, g.finals = append(g.groups, group), g.nodes+len(group.Nodes), g.finals+finals
	return all
}

// tell says where a cause is, and what its nodes are short of.
func (g *gathered) tell(s *survey.Survey) {
	loose := false
	for _, group := range g.groups {
		loose = loose || group.Loose
		for _, f := range group.Telling {
			if len(g.Shortfalls) < rollout.MaxShortfalls {
				g.Shortfalls = append(g.Shortfalls, f.Shortfalls...)
			}
			if f.Relief != nil {
				g.Relief = append(g.Relief, *f.Relief)
			}
		}
	}
	list := survey.ListKey{What: "nodes", Code: g.Code, Key: g.key}
	g.Nodes = s.Joined(list, len(g.groups), func(i int) []string { return g.groups[i].Nodes })
	if loose {
		g.Nodes = slices.Clone(g.Nodes)
		slices.Sort(g.Nodes)
		g.Nodes = slices.Compact(g.Nodes)
	}
	list.What = "pods"
	g.Pods = s.Joined(list, len(g.groups), func(i int) []string { return g.groups[i].Pods })
	g.Message += shortfallsIn(&g.Cause)
}

// gatherer puts findings together by their codes and keys, in the order in which each was found first.
type gatherer struct {
	groups []*survey.Group
	byKind map[kind]*survey.Group
}

func (g *gatherer) add(f *survey.Finding) {
	group := g.groupOf(f)
	if f.Node != "" {
		group.Nodes = append(group.Nodes, f.Node)
	}
	if len(f.Nodes) > 0 {
		group.Nodes, group.Loose = append(group.Nodes, f.Nodes...), true
	}
	if f.Pod != "" { // of each node there is one finding at most
		group.Pods = append(group.Pods, f.Pod)
	}
	if len(f.Shortfalls) > 0 || f.Relief != nil {
		group.Telling = append(group.Telling, f)
	}
	if f.Since.Before(group.Since) {
		group.Since = f.Since
	}
	if group.Size++; f.Final {
		group.Finals++
		group.Lead = survey.Lead(group.Lead, f)
	}
	if f.Deep && !group.Deepest.Deep {
		group.Deepest = f
	}
}

func (g *gatherer) groupOf(f *survey.Finding) *survey.Group {
	if n := len(g.groups); n > 0 { // most are of one kind
		if last := g.groups[n-1]; last.Code == f.Code && last.Key == f.Key {
			return last
		}
	}
	group := g.byKind[kind{f.Code, f.Key}]
	if group == nil {
		group = &survey.Group{Key: f.Key, Lead: f, Deepest: f, Cause: rollout.Cause{Code: f.Code,
			Container: f.Container, About: f.About, Message: f.Message, Remedy: f.Remedy, Log: f.Log, Since: f.Since}}
		if g.byKind == nil {
			g.byKind = map[kind]*survey.Group{}
		}
		g.byKind[kind{f.Code, f.Key}] = group
		g.groups = append(g.groups, group)
	}
	return group
}

// mostShortfalls is how many shortfalls a message tells one by one; how many more nodes there are is said.
const mostShortfalls = 3

// shortfallsIn is what a cause's message says of the nodes that lack something.
func shortfallsIn(c *rollout.Cause) string {
	if len(c.Shortfalls) == 0 {
		return ""
	}
	var told []string
	named := map[string]bool{}
	for _, short := range c.Shortfalls[:min(mostShortfalls, len(c.Shortfalls))] {
		told = append(told, short.String())
		named[short.Node] = true
	}
	if more := len(c.Nodes) - len(named); more > 0 {
		told = append(told, "and "+words.Plural(more, "more node"))
	} else if more := len(c.Shortfalls) - len(told); more > 0 {
		told = append(told, fmt.Sprintf("and %d more of what is short there", more))
	}
	return ". " + strings.Join(told, "; ")
}
