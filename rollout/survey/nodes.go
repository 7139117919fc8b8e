package survey

import (
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// nodes are the nodes of a look, of which those have a site that the DaemonSet is meant for, or that a pod of it, or
// something else that is known of it, is about. The others are not gone into, and cost next to nothing: of 5,000 nodes
// most have nothing to do with a DaemonSet that is meant for a few.
type nodes struct {
	column[corev1.Node]
	unwanted *rollout.Unwanted // those without a site
}

// apart is the number of a node that has no site.
const apart = int32(-2)

// Unwanted are the nodes that have no site because the DaemonSet is not meant for them, and has nothing there.
func (s *Survey) Unwanted() *rollout.Unwanted {
	if s.Sites == nil {
		return nil // nobody has arranged them: the DaemonSet is not there
	}
	return s.cache.nodes.unwanted
}

// renewNodes takes the nodes of the next look. It is false if they are others than before, or one that has no site
// needs one.
func (c *Cache) renewNodes(s *Survey) bool {
	come, gone := c.nodes.renew(s.Look.Nodes)
	missing, other := map[string]bool{}, map[string]string{} // that had no site; those not meant for another reason now
	for _, n := range gone {
		if n.of == apart {
			missing[n.object.Name] = true
		} else {
			c.sites[n.of].Node = nil
		}
	}
	for _, k := range come {
		n := s.Look.Nodes[k]
		if missing[n.Name] {
			why := s.Wish.Refuses(n)
			if why == "" {
				return false
			}
			if was, _ := c.nodes.unwanted.Has(n.Name); why != was {
				other[n.Name] = why
			}
			c.nodes.of[k] = apart
			delete(missing, n.Name)
			continue
		}
		i := c.siteOf(n.Name)
		if i == none || c.sites[i].Node != nil {
			return false
		}
		c.nodes.of[k], c.sites[i].Node = i, n
		c.touch(i)
	}
	c.nodes.unwanted = c.nodes.unwanted.Because(other)
	return len(missing) == 0 && !slices.ContainsFunc(gone, func(n went[corev1.Node]) bool {
		return n.of != apart && c.sites[n.of].Node == nil
	})
}

// lacks reports whether a node has no site that is to have one.
func (c *Cache) lacks(names iter.Seq[string]) bool {
	for name := range names {
		if _, unwanted := c.nodes.unwanted.Has(name); unwanted {
			return true
		}
	}
	return false
}

// named are the nodes that something is known of, whether the DaemonSet is meant for them and has a pod there or not.
func named(s *Survey) []string {
	names := slices.Clone(s.Brake.Nodes)
	for i := range s.Before.Brake {
		names = append(names, s.Before.Brake[i].Nodes...)
	}
	for name := range s.Endings {
		names = append(names, name)
	}
	for name := range s.Before.Ended {
		names = append(names, name)
	}
	return names
}

// placeNodes puts the nodes of a look on their sites.
func (c *Cache) placeNodes(list []*corev1.Node, at map[string]int32) {
	c.nodes.objects, c.nodes.of = list, make([]int32, len(list))
	c.ambiguous = false
	for k, n := range list {
		i, has := at[n.Name]
		switch {
		case !has:
			c.nodes.of[k] = apart
			continue
		case c.sites[i].Node == nil:
			c.sites[i].Node = n
		default:
			c.ambiguous = true
		}
		c.nodes.of[k] = i
	}
}

// namesOfSites are the names of the nodes that have a site, and of those that only pods of the DaemonSet know, sorted.
// A cache that nobody uses again has sites for all nodes, and so has one of nodes that cannot be told apart.
func namesOfSites(s *Survey, c *Cache) []string {
	c.nodes.unwanted = nil
	names := s.Look.NodeNames()
	for _, p := range s.Look.Pods {
		if name := s.standsOn(p); name != "" {
			names = append(names, name)
		}
	}
	if c.keeps() {
		names = setApart(s, c, names, slices.Clone(names[len(s.Look.Nodes):]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// setApart leaves the nodes out of the names that the DaemonSet is not meant for, but for those that it has pods on,
// and those that something else is known of.
func setApart(s *Survey, c *Cache, names, busy []string) []string {
	busy = append(busy, named(s)...)
	slices.Sort(busy)
	why := map[string]string{}
	var unwanted []string
	for _, n := range s.Look.Nodes {
		if _, isBusy := slices.BinarySearch(busy, n.Name); isBusy {
			continue
		}
		if _, twice := why[n.Name]; twice {
			return names
		}
		if why[n.Name] = s.Wish.Refuses(n); why[n.Name] != "" {
			unwanted = append(unwanted, n.Name)
		}
	}
	slices.Sort(unwanted)
	c.nodes.unwanted = rollout.NewUnwanted(unwanted, func(i int) string { return why[unwanted[i]] })
	return slices.DeleteFunc(names, func(name string) bool {
		_, is := slices.BinarySearch(unwanted, name)
		return is
	})
}
