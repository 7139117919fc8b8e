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
// a seventh of what the member's own watches would. That counts after a while, because a watch begins before all have
// joined; of more than mostOfOthers not even the first list is read.
const (
	fewOfOthers   = 200
	othersForEach = 10
	mostOfOthers  = 10_000
	joinPause     = time.Minute
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
	if s := p.shared; s != nil && s.holdsTooMuch() {
		p.giveUp()
	}
}

func (s *stream[T]) holdsTooMuch() bool {
	return s.read && s.others > fewOfOthers+othersForEach*len(s.pool.members) && time.Since(s.since) >= joinPause
}

// share has what a member selects be found, and not be others' any more. The lock is held.
func (p *Pool[T]) share(m *member[T]) {
	p.index.add(m)
	if p.shared != nil {
		p.shared.others -= p.shared.only(m)
	}
}

// unshare takes that back. The lock is held.
func (p *Pool[T]) unshare(m *member[T]) {
	if p.shared != nil {
		p.shared.others += p.shared.only(m)
	}
	p.index.remove(m)
}

// only counts what it holds that nobody but a member selects.
func (s *stream[T]) only(m *member[T]) (only int) {
	for _, object := range s.selected(m) {
		if len(s.pool.index.of(object)) == 1 {
			only++
		}
	}
	return only
}

// countOthers counts what it holds that nobody selects.
func (s *stream[T]) countOthers() (others int) {
	for _, object := range s.held.all() {
		others += s.isOthers(object)
	}
	return others
}

// isOthers is 1 for an object that nobody selects, and else 0.
func (s *stream[T]) isOthers(object T) int {
	if s.of == nil && len(s.pool.index.of(object)) == 0 {
		return 1
	}
	return 0
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
