package watches

import (
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// many is from how many members on they share a watch. A few watch what they select and nothing else: a namespace may
// hold a lot that is nobody's business.
const many = 5

// refusedFor is how long a shared watch is not asked for again that the API server has refused, or that saw too much.
const refusedFor = 10 * time.Minute

// A shared watch may hold this many objects that nobody selects, and this many more for each member: of pods these take
// a seventh of what the member's own watches would. That is looked at every so often, because it begins before all have
// joined; of more than mostOfOthers not even the first list is read.
const (
	fewOfOthers   = 200
	othersForEach = 10
	mostOfOthers  = 10_000
	weighPause    = time.Minute
)

// mayShare reports whether a shared watch is worth asking for. The lock is held.
func (p *Pool[T]) mayShare() bool {
	sharing := 0
	for _, m := range p.members {
		if !m.alone {
			sharing++
		}
	}
	return sharing >= many && (p.refused.IsZero() || time.Since(p.refused) >= refusedFor)
}

// giveUp has the members have watches of their own. Those that the shared one tells stay with it until these have read
// everything. The lock is held.
func (p *Pool[T]) giveUp() {
	s := p.shared
	p.shared, p.refused = nil, time.Now()
	s.endUnused()
}

// weigh gives a shared watch up that holds far more than is wanted of it. The lock is held.
func (p *Pool[T]) weigh() {
	s := p.shared
	if s == nil || !s.read || time.Since(s.weighed) < weighPause {
		return
	}
	s.weighed = time.Now()
	if s.countOthers() > fewOfOthers+othersForEach*len(p.members) {
		p.giveUp()
	}
}

// isOlder reports whether one resourceVersion is certainly older than another one of the same kind.
func isOlder(version, than string) bool {
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err == nil && order < 0
}

// isAtLeast reports whether one resourceVersion is certainly not older than another one of the same kind. Kubernetes
// has them compared as numbers; whatever is no number is never certain.
func isAtLeast(version, than string) bool {
	if than == "" {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err == nil && order >= 0
}
