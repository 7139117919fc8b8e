// Package untimely takes back what a status says of times that have not come yet. The controller that wrote them had a
// clock that went ahead, or asked an API server that had one: whoever believed them would wait until then. It is pure.
package untimely

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// slack is how far ahead a time may be: so far may two clocks be apart of which nobody says a word.
	slack = 10 * time.Second
	// longestPause is that of a commit that is tried again, and of a field that is corrected again.
	longestPause = 15 * time.Minute
)

// Correct has what a status says of times to come be now: what is past, and what is tried again later than any pause
// lasts. It reports whether there was any. What the status shares with others is left as it is.
func Correct(s *api.Sync, now time.Time) bool {
	untimely := false
	each(&s.Status, func(t *time.Time, longest time.Duration) {
		untimely = untimely || t.After(now.Add(longest+slack))
	})
	if !untimely {
		return false
	}
	s.Status = *s.Status.DeepCopy()
	each(&s.Status, func(t *time.Time, longest time.Duration) {
		if t.After(now.Add(longest + slack)) {
			*t = now
		}
	})
	return true
}

// look is shown a time, and how far ahead it may be.
type look func(t *time.Time, longest time.Duration)

// past shows times that have come.
func (l look) past(times ...*metav1.MicroTime) {
	for _, t := range times {
		if t != nil {
			l(&t.Time, 0)
		}
	}
}

// retry shows a time at which something is tried again.
func (l look) retry(t *metav1.MicroTime) {
	if t != nil {
		l(&t.Time, longestPause)
	}
}

// each shows all times that decide something: not when a window opens or a schedule polls, which are worked out anew,
// nor when a person asked for something.
func each(s *api.SyncStatus, l look) {
	if f := s.InFlight; f != nil {
		l.flight(f)
	}
	if d := s.Drift; d != nil {
		l.drift(d)
	}
	if a := s.Ailing; a != nil {
		l.past(&a.Since)
		for i := range a.Objects {
			l.past(&a.Objects[i].Since)
		}
	}
	for i := range s.Failed {
		l.retry(s.Failed[i].RetryAt)
	}
	for i := range s.History {
		l.past(&s.History[i].Since, &s.History[i].First)
	}
	if r := s.Renders; r != nil {
		for i := range r.Deaths {
			l.past(&r.Deaths[i])
		}
	}
	if d := s.Deletion; d != nil {
		l.past(d.RefusedSince)
		for i := range d.Objects {
			l(&d.Objects[i].Since.Time, 0)
		}
	}
}

func (l look) flight(f *api.Flight) {
	l.past(&f.Since, f.Completed, f.MendsSince)
	l.retry(f.RetryAt)
	if r := f.Relapse; r != nil {
		l.past(&r.Since)
	}
	if c := f.Correcting; c != nil {
		l.past(&c.Since)
	}
	if st := f.Stage; st != nil {
		l.past(&st.Since, st.MovingSince, st.HeldSince, st.Soaking)
	}
	if n := f.NoRollback; n != nil {
		l.retry(n.RetryAt)
	}
	for i := range f.Causes {
		l(&f.Causes[i].Since.Time, 0)
	}
	for i := range f.Workloads {
		w := &f.Workloads[i]
		l.past(&w.AppliedAt)
		for j := range w.WasFailing {
			l(&w.WasFailing[j].Since.Time, 0)
		}
	}
}

func (l look) drift(d *api.DriftStatus) {
	l.past(&d.Since, d.CorrectedAt, d.PendingAt)
	l.retry(d.RetryAt)
	for i := range d.Pauses {
		p := &d.Pauses[i]
		l.past(&p.Since, &p.CorrectedAt)
		l.retry(&p.RetryAt)
	}
}
