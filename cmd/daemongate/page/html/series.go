package html

import (
	"sync"
	"time"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// Point is how far a commit was at one time.
type Point struct {
	At time.Time
	view.Counts
}

// Step is a node that has come to a state.
type Step struct {
	At    time.Time
	Node  string
	State rollout.NodeState
}

// How much is kept of one Sync: of a commit so many points and steps, and so many commits.
const (
	mostPoints  = 400
	mostSteps   = 2000
	mostCommits = 6
)

// Series is what was seen of the nodes of one Sync since somebody has looked: its status only has the present.
// It may be used by several at once; the zero value is an empty one.
type Series struct {
	mu      sync.Mutex
	since   time.Time
	courses []*course // the newest last
}

// course is what was seen of one commit.
type course struct {
	commit string
	points []Point
	steps  []Step
	states map[string]rollout.NodeState
}

// See takes a view of the Sync. Views come in the order of their times.
func (s *Series) See(v *view.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = v.Now
	}
	commit := flightOf(v)
	if commit == "" || v.Counts.Desired == 0 {
		return
	}
	s.of(commit).see(v)
}

// flightOf is the commit that a view is about, in full; empty if there is none.
func flightOf(v *view.View) string {
	for i := range v.Commits {
		if c := &v.Commits[i]; v.Commit != "" && api.Short(c.Commit) == v.Commit {
			return c.Commit
		}
	}
	return ""
}

// of is the course of a commit, begun if there is none.
func (s *Series) of(commit string) *course {
	for _, c := range s.courses {
		if c.commit == commit {
			return c
		}
	}
	c := &course{commit: commit, states: map[string]rollout.NodeState{}}
	if s.courses = append(s.courses, c); len(s.courses) > mostCommits {
		s.courses = s.courses[1:]
	}
	return c
}

func (c *course) see(v *view.View) {
	if n := len(c.points); n == 0 || c.points[n-1].Counts != v.Counts {
		c.points = append(c.points, Point{v.Now, v.Counts})
	}
	if len(c.points) > mostPoints {
		c.points = thinned(c.points)
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		was, known := c.states[n.Name]
		c.states[n.Name] = n.State
		if known && was != n.State {
			c.steps = append(c.steps, Step{v.Now, n.Name, n.State})
		}
	}
	if extra := len(c.steps) - mostSteps; extra > 0 {
		c.steps = append([]Step{}, c.steps[extra:]...)
	}
}

// thinned are every other one of the points, with the first and the last.
func thinned(points []Point) []Point {
	var half []Point
	for i := range points {
		if i%2 == 0 || i == len(points)-1 {
			half = append(half, points[i])
		}
	}
	return half
}

// Since is when the first view was taken.
func (s *Series) Since() time.Time {
	if s == nil {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}

// Seen is what was seen of a commit: how many nodes had settled when, and what became of single nodes.
func (s *Series) Seen(commit string) ([]Point, []Step) {
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.courses {
		if c.commit == commit {
			return append([]Point{}, c.points...), append([]Step{}, c.steps...)
		}
	}
	return nil, nil
}
