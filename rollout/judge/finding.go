package judge

import (
	"cmp"
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// finding is one cause on one node, or of the DaemonSet as a whole.
type finding struct {
	code rollout.Code
	// key tells causes of one code apart: findings that share it have one message, one remedy, and become one Cause.
	key        string
	node, pod  string
	container  string
	nodes      []string // of a finding about the DaemonSet as a whole
	about      string   // see Cause.About
	message    string
	remedy     string
	log        string // see Cause.Log
	since      time.Time
	shortfalls []rollout.Shortfall
	relief     *rollout.Relief
	final      bool // has lasted long enough
	deep       bool // leads over everything else
}

// ripen makes a finding final once it has lasted long enough, and asks for a look at that instant.
func (s *survey) ripen(f *finding) *finding {
	instant := f.since.Add(s.options.TimeFor(f.code))
	f.final = !s.now.Before(instant)
	s.wakeAt(instant)
	return f
}

// ripenCounted makes a finding final that is not waited for but counted: at the second time. An After that was set for it
// must have passed as well.
func (s *survey) ripenCounted(f *finding, times int) *finding {
	f = s.ripen(f)
	f.final = times >= 2 && (f.final || !hasAfter(s, f.code))
	return f
}

func hasAfter(s *survey, c rollout.Code) bool {
	_, set := s.options.After[c]
	return set
}

// leads orders findings: those that make the verdict first, then the deeper ones.
func (f *finding) leads(g *finding) int {
	first := func(yes, no bool) int {
		switch {
		case yes == no:
			return 0
		case yes:
			return -1
		}
		return 1
	}
	return cmp.Or(first(f.final, g.final), first(f.deep, g.deep), cmp.Compare(rollout.Depth(f.code), rollout.Depth(g.code)))
}

// causesOf gathers findings into causes, those that lead first. Final ones are only so if they are enough to be stuck.
func causesOf(s *survey, findings []finding, stuck bool) []rollout.Cause {
	type group struct {
		rollout.Cause
		lead  *finding
		final int // how many of its findings are
	}
	type kind struct {
		code rollout.Code
		key  string
	}
	var groups []*group
	byKind := map[kind]*group{}
	for i := range findings {
		f := &findings[i]
		g := byKind[kind{f.code, f.key}]
		if g == nil {
			g = &group{lead: f, Cause: rollout.Cause{Code: f.code, Container: f.container, About: f.about, Message: f.message, Remedy: f.remedy, Log: f.log, Since: f.since}}
			byKind[kind{f.code, f.key}] = g
			groups = append(groups, g)
		}
		take(&g.Cause, f)
		if f.final {
			g.final++
			g.lead = lead(g.lead, f)
			g.Final = stuck
		}
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		return cmp.Or(a.lead.leads(b.lead), cmp.Compare(b.final, a.final), cmp.Compare(len(b.Nodes), len(a.Nodes)))
	})
	list := make([]rollout.Cause, 0, len(groups))
	for _, g := range groups {
		tidy(&g.Cause)
		list = append(list, g.Cause)
	}
	return list
}

// lead is the finding of two that leads.
func lead(a, b *finding) *finding {
	if b.leads(a) < 0 {
		return b
	}
	return a
}

// take adds what one finding says of where and since when.
func take(c *rollout.Cause, f *finding) {
	if f.node != "" {
		c.Nodes = append(c.Nodes, f.node)
	}
	c.Nodes = append(c.Nodes, f.nodes...)
	if f.pod != "" && !slices.Contains(c.Pods[max(0, len(c.Pods)-2):], f.pod) { // findings come in the order of their nodes
		c.Pods = append(c.Pods, f.pod)
	}
	if len(c.Shortfalls) < rollout.MaxShortfalls {
		c.Shortfalls = append(c.Shortfalls, f.shortfalls...)
	}
	if f.relief != nil {
		c.Relief = append(c.Relief, *f.relief)
	}
	if f.since.Before(c.Since) {
		c.Since = f.since
	}
}

func tidy(c *rollout.Cause) {
	slices.Sort(c.Nodes)
	c.Nodes = slices.Compact(c.Nodes)
	for i, short := range c.Shortfalls[:min(3, len(c.Shortfalls))] {
		c.Message += [...]string{". ", "; ", "; "}[i] + short.String()
	}
}
