package survey

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// Cache is what a survey leaves for the next look at the same DaemonSet, so that only those sites are gone into for
// which something may have changed. A survey comes to the same with any cache, also with none: losing it costs time.
// What is taken over rests on the very same objects, on the same memory, and on a time up to which nothing changes by
// itself. It serves one survey at a time. The objects and the lists of a look that has been surveyed must not change
// any more.
type Cache struct {
	known  bool // the rest is of a survey that came to its end
	basis  basis
	now    time.Time
	before rollout.Memory

	sites []Site
	division
	nodes     nodes
	pods      column[corev1.Pod]
	podsOf    chain
	podAt     map[types.UID]int32 // the site of each pod that stands on one
	over      int                 // how many pods on the sites are over, and not deleted yet
	ambiguous bool                // two nodes have one name, or two pods one UID, or a pod has none

	revision   foundRevision
	events     eventIndex
	endings    map[string]rollout.Ending
	rejections map[string]fact.Trace
	refused    map[string]Said
	refusal    Refusal
	sums       []*Sum // of the blocks, for the survey
	lists      lists
}

// basis is what every site rests on.
type basis struct {
	target   rollout.Target // but for who was failing before, whom it takes over from, and how it is paced
	live     *appsv1.DaemonSet
	revision fact.Revision
	observed time.Time
	options  rollout.Options
	missing  []string
}

func basisOf(s *Survey) basis {
	t := s.Target
	t.FailingBefore, t.Predecessors, t.Applied, t.Paced = nil, nil, nil, nil
	return basis{t, s.Live, s.Revision, s.memory.Observed, s.Options, s.Look.Missing}
}

// is reports whether both are the same to a site. Of the DaemonSet that is all but its status and annotations.
func (b *basis) is(other *basis) bool {
	live, were := b.live, other.live
	if b.revision != other.revision || !b.observed.Equal(other.observed) || !slices.Equal(b.missing, other.missing) ||
		!reflect.DeepEqual(b.target, other.target) || !reflect.DeepEqual(b.options, other.options) ||
		(live == nil) != (were == nil) {
		return false
	}
	return live == were || live.UID == were.UID && live.Name == were.Name && live.Namespace == were.Namespace &&
		reflect.DeepEqual(&live.Spec, &were.Spec)
}

// use has a survey use a cache. Looks that are rare, and of which a site may rest on more, leave it alone and get none.
func (s *Survey) use(c *Cache) {
	l := &s.Look
	if c == nil || len(l.Leases)+len(l.Clocks)+len(l.Others.Pods)+len(s.Predecessors) > 0 || l.Others.Known() {
		c = &Cache{}
	} else if c.podAt == nil {
		c.podAt = map[types.UID]int32{}
	}
	s.cache = c
	c.lists.turn()
	s.lists = &c.lists
	c.events.renew(s, l.Events)
}

// keeps reports whether somebody is going to use it again.
func (c *Cache) keeps() bool { return c.podAt != nil }

// Arrange makes a site of every node, and of every node that only pods know, and puts the pods that the DaemonSet owns
// on them.
func (s *Survey) Arrange() {
	c := s.cache
	b := basisOf(s)
	goesOn := c.known && !c.ambiguous && c.basis.is(&b) && !s.now.Before(c.now)
	c.known, c.podsOf.linked = false, false // until the survey has come to its end
	if !goesOn || !c.renewNodes(s) || !c.renewPods(s) || c.lacks(slices.Values(named(s))) {
		c.rebuild(s)
	}
	c.basis = b
	for uid := range c.events.changed {
		if i, known := c.podAt[uid]; known {
			c.touch(i)
		}
	}
	clear(c.events.changed)
	c.touchRemembered(&s.Before)
	c.before = s.Before
	s.Sites = c.sites
}

// touch has a site gone into.
func (c *Cache) touch(i int32) {
	c.visits[i].valid, c.blockOf(i).visits.valid = false, false
	c.dropCause(i)
}

// dropCause has it found out again why a site has not settled.
func (c *Cache) dropCause(i int32) { c.causes[i].valid, c.blockOf(i).causes.valid = false, false }

func (c *Cache) touchNode(name string) {
	if i := c.siteOf(name); i != none && c.keeps() {
		c.touch(i)
	}
}

func (c *Cache) siteOf(name string) int32 {
	i, found := slices.BinarySearchFunc(c.sites, name, func(at Site, name string) int {
		return strings.Compare(at.Name, name)
	})
	if !found {
		return none
	}
	return int32(i)
}

// touchRemembered has the sites gone into of which something else is remembered than before.
func (c *Cache) touchRemembered(m *rollout.Memory) {
	if !c.keeps() {
		return
	}
	was, node := &c.before, c.touchNode
	shared := false
	eachDifference(was.Since, m.Since, func(symptom string) {
		_, name, _ := strings.Cut(symptom, "/")
		node(name)
		shared = shared || name == ""
	})
	eachDifference(was.Lost, m.Lost, node)
	eachDifference(was.Boots, m.Boots, node)
	eachDifference(was.Clocks, m.Clocks, node)
	eachDifference(was.Rejected, m.Rejected, node)
	eachDifference(was.Ended, m.Ended, node)
	eachDifference(was.Killed, m.Killed, func(container string) {
		uid, _, _ := strings.Cut(container, "/")
		if i, known := c.podAt[types.UID(uid)]; known {
			c.touch(i)
		}
	})
	answers := !maps.Equal(was.Answers, m.Answers)
	if !shared && !answers {
		return
	}
	for i := range c.causes {
		if r := &c.causes[i]; shared && r.shared || answers && r.answers {
			c.dropCause(int32(i))
		}
	}
}

// eachDifference calls a function with every key that two maps do not have in common.
func eachDifference[T comparable](a, b map[string]T, call func(string)) {
	for key, value := range a {
		if other, has := b[key]; !has || other != value {
			call(key)
		}
	}
	for key := range b {
		if _, has := a[key]; !has {
			call(key)
		}
	}
}
