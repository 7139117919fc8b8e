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

// gathered are the findings that are one cause.
type gathered struct {
	rollout.Cause
	key   string
	lead  *survey.Finding
	of    []*survey.Finding
	final int // how many of them are
}

// causesOf gathers findings into causes, those that lead first. Final ones are only so if they are enough to be stuck.
func causesOf(s *survey.Survey, findings []*survey.Finding, stuck bool) []rollout.Cause {
	groups := gather(findings)
	for _, g := range groups {
		if n := len(g.of); n > few { // of thousands of nodes a list that grows would be copied a dozen times
			g.Nodes, g.Pods = make([]string, 0, n), make([]string, 0, n)
		}
		for _, f := range g.of {
			take(&g.Cause, f)
			if f.Final {
				g.final++
				g.lead = survey.Lead(g.lead, f)
				g.Final = stuck
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b *gathered) int {
		return cmp.Or(a.lead.Leads(b.lead), cmp.Compare(b.final, a.final), cmp.Compare(len(b.Nodes), len(a.Nodes)))
	})
	list := make([]rollout.Cause, 0, len(groups))
	for _, g := range groups {
		tidy(&g.Cause)
		list = append(list, g.Cause)
	}
	return list
}

// few are findings for which no room is made beforehand.
const few = 8

// gather puts findings together by their codes and keys, in the order in which each was found first.
func gather(findings []*survey.Finding) (groups []*gathered) {
	type kind struct {
		code rollout.Code
		key  string
	}
	byKind := map[kind]*gathered{}
	var g *gathered
	for i, f := range findings {
		if g == nil || g.Code != f.Code || g.key != f.Key { // most are of one kind
			g = byKind[kind{f.Code, f.Key}]
		}
		if g == nil {
			g = &gathered{lead: f, key: f.Key, Cause: rollout.Cause{Code: f.Code, Container: f.Container,
				About: f.About, Message: f.Message, Remedy: f.Remedy, Log: f.Log, Since: f.Since}}
			if len(byKind) == 0 {
				g.of = make([]*survey.Finding, 0, len(findings)-i)
			}
			byKind[kind{f.Code, f.Key}] = g
			groups = append(groups, g)
		}
		g.of = append(g.of, f)
	}
	return groups
}

// take adds what one finding says of where and since when.
func take(c *rollout.Cause, f *survey.Finding) {
	if f.Node != "" {
		c.Nodes = append(c.Nodes, f.Node)
	}
	c.Nodes = append(c.Nodes, f.Nodes...)
	if f.Pod != "" { // of each node there is one finding at most
		c.Pods = append(c.Pods, f.Pod)
	}
	if len(c.Shortfalls) < rollout.MaxShortfalls {
		c.Shortfalls = append(c.Shortfalls, f.Shortfalls...)
	}
	if f.Relief != nil {
		c.Relief = append(c.Relief, *f.Relief)
	}
	if f.Since.Before(c.Since) {
		c.Since = f.Since
	}
}

func tidy(c *rollout.Cause) {
	slices.Sort(c.Nodes)
	c.Nodes = slices.Compact(c.Nodes)
	c.Message += shortfallsIn(c)
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
