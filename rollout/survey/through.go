package survey

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// stays reports whether a pod is over and not deleted yet.
func stays(p *corev1.Pod) bool { return fact.IsOver(p) && p.DeletionTimestamp == nil }

// Over are the pods on the sites that are over and not deleted yet, with the names of their nodes.
func (s *Survey) Over(call func(node string, p *corev1.Pod)) {
	c := s.cache
	if c.over == 0 {
		return
	}
	for k, i := range c.pods.of {
		if p := c.pods.objects[k]; i != none && stays(p) {
			call(c.sites[i].Name, p)
		}
	}
}

// Visit has a function go to every site, with the pods that stand there, in the order of their names. Those that are
// as the last survey left them are taken over.
func (s *Survey) Visit(visit func(*Site, []*corev1.Pod)) {
	c := s.cache
	if c.keeps() {
		eachDifference(c.endings, s.Endings, c.touchNode)
		c.endings = s.Endings
	}
	var pods []*corev1.Pod
	linked := false
	for i := range c.sites {
		at := &c.sites[i]
		r := c.visitOf(i)
		if r != nil && r.holds(s.now) {
			at.State, at.Before, at.Finding = at.stood, nil, nil
			s.takeOver(r)
			continue
		}
		if !linked {
			c.podsOf.link(c.pods.of, len(c.sites))
			linked = true
		}
		pods = pods[:0]
		c.podsOf.each(int32(i), func(place int32) { pods = append(pods, c.pods.objects[place]) })
		*at = Site{Name: at.Name, Node: at.Node}
		s.goInto(r, func() {
			visit(at, pods)
			s.finish(at)
		})
		if r != nil {
			c.causes[i].valid = false
		}
	}
	c.known, c.now = c.keeps(), s.now
}

// Explain has a function find out why each site has not settled. What the last survey found out of those that are as it
// left them, also in what the sites are to each other, is taken over.
func (s *Survey) Explain(explain func(*Site)) {
	c := s.cache
	c.touchSaid(s)
	for i := range c.sites {
		at := &c.sites[i]
		r := c.causeOf(i)
		if r != nil && r.holds(s.now) && r.stood == at.State && at.Before == nil &&
			(!r.asked || r.may == s.mayMeasure()) {
			at.State, at.Finding = r.state, r.finding
			s.takeOver(r)
			continue
		}
		stood, before := at.State, at.Before
		s.goInto(r, func() { explain(at) })
		if r != nil {
			r.stood, r.state, r.finding, r.valid = stood, at.State, at.Finding, before == nil
		}
	}
}

// goInto notes in a record, if there is one, what is found out about a site.
func (c *clock) goInto(r *record, find func()) {
	if r == nil {
		find()
		return
	}
	*r = record{kept: r.kept[:0]}
	c.on = r
	find()
	c.on, r.valid = nil, true
}

func (c *Cache) visitOf(i int) *record {
	if !c.keeps() {
		return nil
	}
	return &c.visits[i]
}

func (c *Cache) causeOf(i int) *record {
	if !c.keeps() {
		return nil
	}
	return &c.causes[i]
}

// touchSaid has the sites gone into about which the DaemonSet's own Events say something else than before.
func (c *Cache) touchSaid(s *Survey) {
	if !c.keeps() {
		return
	}
	eachDifference(c.rejections, s.Rejections, c.touchCause)
	eachDifference(c.refused, s.Refused, c.touchCause)
	if c.refusal != s.refusal {
		for i := range c.causes {
			if c.causes[i].refusal {
				c.causes[i].valid = false
			}
		}
	}
	c.rejections, c.refused, c.refusal = s.Rejections, s.Refused, s.refusal
}

func (c *Cache) touchCause(name string) {
	if i := c.siteOf(name); i != none {
		c.causes[i].valid = false
	}
}
