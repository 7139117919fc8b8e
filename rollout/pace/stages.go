package pace

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// The names of stages that no plan names.
const (
	restName = "rest" // of the nodes that no stage has taken
	fixName  = "fix"  // of those that have a broken commit
)

// stage is one of those that a plan comes to with the nodes that there are.
type stage struct {
	name    string
	soak    time.Duration
	approve bool
	overlap bool
	nodes   int // that belong to it; late ones are not counted
}

// position is the stage that was reached: the one of its name, or else of its index. Stages come and go with their
// nodes.
func (p Progress) position(stages []stage) int {
	at := min(max(p.Index, 1), len(stages))
	if stages[at-1].name == p.Name {
		return at
	}
	if i := slices.IndexFunc(stages, func(s stage) bool { return s.name == p.Name }); i >= 0 {
		return i + 1
	}
	return at
}

// expand makes stages of a plan, and puts every place into one: the first that takes it. There is at least one.
func expand(p Plan, places []place) []stage {
	var e expansion
	left := make([]*place, len(places))
	for i := range places {
		left[i] = &places[i]
	}
	for i := range p.Stages {
		left = e.take(&p.Stages[i], left)
	}
	if len(left) > 0 || len(e.stages) == 0 {
		e.add(&Stage{Name: restName}, restName, left)
	}
	return e.stages
}

// expansion is the stages that a plan has come to so far.
type expansion struct{ stages []stage }

// add makes a stage of some places.
func (e *expansion) add(s *Stage, name string, places []*place) {
	made := stage{name: name, soak: s.Soak, approve: s.Approve, overlap: s.Overlap && s.Soak == 0 && !s.Approve}
	for _, at := range places {
		if at.stage = len(e.stages) + 1; !at.late {
			made.nodes++
		}
	}
	e.stages = append(e.stages, made)
}

// take has a stage of the plan take what it chooses of the places that are left, and returns the others. Places come
// in the order of their names.
func (e *expansion) take(s *Stage, left []*place) []*place {
	var chosen, others []*place
	for _, at := range left {
		if s.Nodes == nil || s.Nodes.Matches(labels.Set(at.labels)) {
			chosen = append(chosen, at)
		} else {
			others = append(others, at)
		}
	}
	switch {
	case s.Each != "":
		e.takeEach(s, chosen)
	case s.First > 0:
		e.takeBatches(s, chosen)
	default:
		e.add(s, s.Name, atMost(s.AtMost, chosen))
	}
	for _, at := range chosen {
		if at.stage == 0 {
			others = append(others, at)
		}
	}
	slices.SortFunc(others, func(a, b *place) int { return cmp.Compare(a.name, b.name) })
	return others
}

// takeEach makes a stage for each value of a label. A place without the label stays.
func (e *expansion) takeEach(s *Stage, chosen []*place) {
	of := map[string][]*place{}
	for _, at := range chosen {
		if value, has := at.labels[s.Each]; has {
			of[value] = append(of[value], at)
		}
	}
	var values, others []string
	for _, value := range s.Order {
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	for value := range of {
		if !slices.Contains(values, value) {
			others = append(others, value)
		}
	}
	slices.Sort(others)
	for _, value := range append(values, others...) {
		e.add(s, s.Name+"/"+value, of[value])
	}
}

// takeBatches makes batches, each larger than the one before. Late nodes make none larger, or they would move others
// from one batch to the next: they are in the last.
func (e *expansion) takeBatches(s *Stage, chosen []*place) {
	var there, late []*place
	for _, at := range chosen {
		if at.late {
			late = append(late, at)
		} else {
			there = append(there, at)
		}
	}
	for number, size := 1, s.First; ; number++ {
		size = min(size, len(there))
		batch := there[:size]
		if there = there[size:]; len(there) == 0 {
			batch = append(slices.Clip(batch), late...)
		}
		e.add(s, fmt.Sprintf("%s/%d", s.Name, number), batch)
		if len(there) == 0 {
			return
		}
		size *= max(1, s.Factor)
	}
}

// atMost is which of the places a stage takes that is bounded: those that have the commit already, then those that are
// there, then by name. Late ones are taken by no such stage.
func atMost(most int, chosen []*place) []*place {
	if most <= 0 {
		return chosen
	}
	there := slices.DeleteFunc(slices.Clone(chosen), func(at *place) bool { return at.late })
	slices.SortStableFunc(there, func(a, b *place) int { return cmp.Compare(a.rank(), b.rank()) })
	return there[:min(most, len(there))]
}

// rank is how gladly a bounded stage takes a place.
func (at *place) rank() int {
	switch {
	case at.exposed:
		return 0
	case at.present:
		return 1
	}
	return 2
}
