package survey

import (
	"maps"
	"slices"

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
	if c.lacks(maps.Keys(s.Endings)) {
		c.rebuild(s)
		s.Sites = c.sites
	}
	if c.keeps() {
		eachDifference(c.endings, s.Endings, c.touchNode)
		c.endings = s.Endings
	}
	c.standAgain()
	for k := range c.blocks {
		if b := &c.blocks[k]; !s.passes(&b.visits) {
			visitBlock(s, b, visit)
		}
	}
}

func visitBlock(s *Survey, b *block, visit func(*Site, []*corev1.Pod)) {
	c := s.cache
	var pods []*corev1.Pod
	for i := b.from; i < b.to; i++ {
		at, r := &c.sites[i], c.visitOf(i)
		if r != nil && s.passes(r) {
			continue
		}
		pods = c.podsOn(int32(i), pods[:0])
		*at = Site{Name: at.Name, Node: at.Node}
		s.goInto(r, func() {
			visit(at, pods)
			s.finish(at)
		})
		if r != nil {
			c.dropCause(int32(i))
		}
	}
	if c.keeps() {
		b.visits.addUp(c.visits[b.from:b.to])
	}
}

// podsOn adds the pods that stand on a site to a list.
func (c *Cache) podsOn(i int32, pods []*corev1.Pod) []*corev1.Pod {
	if !c.podsOf.linked {
		c.podsOf.link(c.pods.of, len(c.sites))
		c.podsOf.linked = true
	}
	c.podsOf.each(i, func(place int32) { pods = append(pods, c.pods.objects[place]) })
	return pods
}

// Explain has a function find out why each site has not settled. What the last survey found out of those that are as it
// left them, also in what the sites are to each other, is taken over.
func (s *Survey) Explain(explain func(*Site)) {
	c := s.cache
	s.explained = true
	c.touchSaid(s)
	if c.keeps() {
		c.compareBeside()
	}
	for k := range c.blocks {
		b := &c.blocks[k]
		if !s.passes(&b.causes) {
			explainBlock(s, b, explain)
			continue
		}
		for _, i := range c.besideIn(b) {
			c.sites[i].takeOver(&c.causes[i])
		}
	}
	c.beside = slices.DeleteFunc(c.beside, func(i int32) bool { return !c.sites[i].beside })
}

func explainBlock(s *Survey, b *block, explain func(*Site)) {
	c := s.cache
	for i := b.from; i < b.to; i++ {
		at, r := &c.sites[i], c.causeOf(i)
		if r == nil {
			explain(at)
			continue
		}
		if (!r.asked || r.may == s.mayMeasure()) && s.passes(r) {
			at.takeOver(r)
			continue
		}
		if b.sums.valid = false; !at.beside {
			at.stands()
		}
		stood, before := at.State, at.Before
		s.goInto(r, func() { explain(at) })
		r.stood, r.before, r.state, r.after, r.finding = stood, before, at.State, at.Before, at.Finding
	}
	if c.keeps() {
		b.causes.addUp(c.causes[b.from:b.to])
	}
}

// takeOver has a site be what the record of its causes says.
func (at *Site) takeOver(r *record) { at.State, at.Before, at.Finding = r.state, r.after, r.finding }

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
				c.dropCause(int32(i))
			}
		}
	}
	c.rejections, c.refused, c.refusal = s.Rejections, s.Refused, s.refusal
}

func (c *Cache) touchCause(name string) {
	if i := c.siteOf(name); i != none {
		c.dropCause(i)
	}
}
