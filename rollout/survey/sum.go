package survey

import (
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// Sum is what some sites come to. What is said of all sites is added up from sums, in the order of the sites. A sum
// does not change any more once it is made: the lists of judgements are made of it.
type Sum struct {
	Counts
	Nodes []rollout.Node

	Absent, Lost, Late, FailingBefore, Old, Ended []string // names

	Moved  time.Time // when the newest updated pod was created or became Ready
	Causes []*Group  // in the order in which each was found first
	Clocks []string  // what is said of clocks that are off
	Others []Spender // sites that use up the budget, and whose trouble is not the commit's
	Ours   []*Site   // and those whose new pod shows a cause
}

// total is what all sites come to.
type total struct {
	Sums      []*Sum // of blocks of sites, in their order
	Counts    Counts
	Spenders  *Spenders // nil until somebody asks
	explained bool      // why the sites have not settled
	lists     *lists
}

// Counts are numbers of sites.
type Counts [counts]int

// What is counted. Sites that count are those that the rollout must reach (see Site.Counts).
const (
	Eligible     = iota
	Desired      // those that count
	Updated      // of those that count: with a pod of the template, also one that is over
	Settled      // of those that count
	OldAvailable // of those that count: with an available pod of another template
	OldPods      // pods of other templates
	AnySettled   // also of those that do not count
	Unsettled    // of those that count: with an updated pod that has not settled
	Touched      // of those that count: without an old pod
	ToSettle     // of those that are touched: not settled
	InWait       // of those that count: with an old pod and no updated one
	Running      // of those that are eligible: with an updated pod
	Available    // of those that run: with an available one
	HavePods     // with any pod
	Stale        // of those that count: without a sign of life
	Ailing       // with a cause other than Starting
	Failing      // of those that are ailing: with a final one
	FailingCount // of those that are failing: those that count
	counts
)

// Group is findings of some sites that are one cause. What the cause says is what the first of them says, but for the
// nodes and pods, since when, and whether it is final.
type Group struct {
	rollout.Cause
	Key     string
	Lead    *Finding // the first of them that leads among those that are final; the first of all if none is
	Deepest *Finding // the same if all were final
	Size    int
	Finals  int        // how many of them are final
	Telling []*Finding // those that say what a node is short of
	Loose   bool       // its nodes may not be sorted, or be there twice
}

// ListKey tells lists of names apart: what they are of, and of which cause.
type ListKey struct {
	What string
	Code rollout.Code
	Key  string
}

// joined is names in one list that was made of several.
type joined struct {
	parts [][]string
	names []string
}

// lists are the lists of names that the last look has told, and those of this one. Who tells the same names again tells
// the same list: nobody changes it.
type lists struct {
	last, now map[ListKey]*joined
	parts     [][]string // of a list, while it is put together
}

// turn begins with the lists of the next look.
func (l *lists) turn() {
	l.last, l.now = l.now, l.last
	clear(l.now)
	if l.now == nil {
		l.now = map[ListKey]*joined{}
	}
}

// Joined are the names of several lists in one. Of the same names as in the last look it is the very same list.
func (t *total) Joined(key ListKey, lists int, list func(i int) []string) []string {
	l := t.lists
	l.parts = l.parts[:0]
	for i := range lists {
		if part := list(i); len(part) > 0 {
			l.parts = append(l.parts, part)
		}
	}
	switch len(l.parts) {
	case 0:
		return nil
	case 1:
		return slices.Clip(l.parts[0])
	}
	j := l.last[key]
	if j == nil || !slices.EqualFunc(j.parts, l.parts, same) {
		j = &joined{slices.Clone(l.parts), slices.Concat(l.parts...)}
	}
	l.now[key] = j
	return slices.Clip(j.names)
}

// same reports whether two lists are the very same, or have the same names.
func same(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}
