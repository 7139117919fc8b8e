package survey

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// renewPods takes the pods of the next look. It is false if that needs another site, or one less.
func (c *Cache) renewPods(s *Survey) bool {
	come, gone := c.pods.renew(s.Look.Pods)
	for _, p := range gone {
		if p.of == none {
			continue
		}
		if c.sites[p.of].Node == nil {
			return false // nobody else knows of it
		}
		delete(c.podAt, p.object.UID)
		if stays(p.object) {
			c.over--
		}
		c.touch(p.of)
	}
	for _, k := range come {
		p := s.Look.Pods[k]
		name := s.standsOn(p)
		if name == "" {
			continue
		}
		i := c.siteOf(name)
		if i == none {
			return false
		}
		c.pods.of[k] = i
		c.placed(p, i)
		c.touch(i)
	}
	return !c.ambiguous
}

// standsOn is the node that a pod of the DaemonSet is on, or bound for; "" for any other pod.
func (s *Survey) standsOn(p *corev1.Pod) string {
	if name := fact.TargetNode(p); name != "" && fact.Owns(s.Live, p) {
		return name
	}
	return ""
}

// placed notes where a pod stands.
func (c *Cache) placed(p *corev1.Pod, i int32) {
	if stays(p) {
		c.over++
	}
	if !c.keeps() {
		return
	}
	_, known := c.podAt[p.UID]
	c.ambiguous = c.ambiguous || known || p.UID == ""
	c.podAt[p.UID] = i
}

// rebuild arranges everything anew.
func (c *Cache) rebuild(s *Survey) {
	clear(c.podAt)
	names := namesOfSites(s, c)
	at := make(map[string]int32, len(names))
	c.sites = make([]Site, len(names))
	for i, name := range names {
		c.sites[i].Name, at[name] = name, int32(i)
	}
	c.over = 0
	c.placeNodes(s.Look.Nodes, at)
	c.pods = column[corev1.Pod]{s.Look.Pods, make([]int32, len(s.Look.Pods))}
	for k, p := range s.Look.Pods {
		if c.pods.of[k] = none; s.standsOn(p) != "" {
			c.pods.of[k] = at[s.standsOn(p)]
			c.placed(p, c.pods.of[k])
		}
	}
	if c.keeps() {
		c.visits, c.causes = make([]record, len(c.sites)), make([]record, len(c.sites))
	}
	c.divide()
}
