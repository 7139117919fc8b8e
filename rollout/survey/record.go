package survey

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// record is what going into a site has left behind besides the site itself: for how long that holds, and what it has to
// say to each look that takes it over.
type record struct {
	valid  bool
	once   bool      // it rests on the instant of its look
	until  time.Time // by time alone it changes then; zero if it does not
	wake   time.Time // the earliest look that it asks for; zero if it asks for none
	kept   []kept
	shared bool // it rests on what is remembered of no node

	answers    bool // it rests on what hooks and probes answered
	refusal    bool // it rests on what the API server says against having pods made
	asked, may bool // whether the site may be measured was asked, and the answer
	measured   bool

	stood, state  rollout.NodeState // of the site: before, and after
	before, after *rollout.FailingNode
	finding       *Finding
}

// kept is something to remember.
type kept struct {
	in  list
	had bool // it was remembered before
	put func(*notes)
}

func (r *record) holdsUntil(t time.Time) {
	if r != nil && (r.until.IsZero() || t.Before(r.until)) {
		r.until = t
	}
}

func (r *record) holdsOnce() {
	if r != nil {
		r.once = true
	}
}

func (r *record) wakesAt(t time.Time) {
	if r != nil && (r.wake.IsZero() || t.Before(r.wake)) {
		r.wake = t
	}
}

// holds reports whether a look at an instant comes to the same.
func (r *record) holds(now time.Time) bool {
	return r.valid && !r.once && (r.until.IsZero() || now.Before(r.until))
}

// takeOver has a look ask for, and remember, what the record of a site that it does not go into says.
func (s *notes) takeOver(r *record) {
	if !r.wake.IsZero() && (s.Wake.IsZero() || r.wake.Before(s.Wake)) {
		s.Wake = r.wake
	}
	for i := range r.kept {
		if k := &r.kept[i]; k.had || !s.isFull(k.in) {
			k.put(s)
		}
	}
	if r.measured {
		s.measured++
	}
}

// keep remembers something, now and whenever the site is taken over.
func (s *notes) keep(in list, had bool, put func(*notes)) {
	put(s)
	if s.on != nil {
		s.on.kept = append(s.on.kept, kept{in, had, put})
	}
}
