package gate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// comparePause is how long a Sync waits after a comparison: not all that others write is drift. What was deleted
	// since is looked for sooner.
	comparePause = 5 * time.Second
	missedPause  = time.Second
	// maxDrifted is how many objects the status names.
	maxDrifted = 20
)

// The causes of a verdict that a correction may mend.
const (
	CauseOverwritten = "Overwritten"
	causeDeleted     = "Deleted"
)

// mayNotCorrect says why no drift may be corrected now; empty if it may. Nobody else decides it.
func (t *turn) mayNotCorrect() string {
	switch {
	case t.suspended() != "":
		return string(t.suspended())
	case !t.gate.Correct:
		return "spec.apply.drift is Report"
	}
	return string(t.o.Window.Closed)
}

// drift decides whether the flight's objects are to be compared with what it asks for, and what is to become of those
// that are not so. It is for a flight whose set has been written.
func (t *turn) drift(f *api.Flight) {
	if t.suspended() != "" || t.d.Prune {
		return
	}
	corrects := t.mayNotCorrect() == ""
	if corrects && t.fresh(f) && t.correct(f) {
		return
	}
	at := t.compareAt(f)
	switch known := t.s.Drift != nil && t.s.Drift.Count > 0; {
	case t.o.Touched, t.accused, t.pending():
	case corrects && known && !t.fresh(f):
		at = latest(at, t.dueAt(t.s.Drift.Objects))
	default:
		return
	}
	if t.o.Now.Before(at) {
		t.wake(at)
		return
	}
	t.d.Compare = true
}

// compareAt is when the flight may be compared again.
func (t *turn) compareAt(f *api.Flight) time.Time {
	c := t.o.Compared
	switch {
	case c == nil || c.Digest != f.Digest:
		return time.Time{}
	case t.o.Missed:
		return c.At.Add(missedPause)
	}
	return latest(c.At.Add(comparePause), c.RetryAt)
}

// pending reports whether a correction was decided on whose outcome nobody knows: the process that made it died.
func (t *turn) pending() bool { return t.s.Drift != nil && t.s.Drift.PendingAt != nil }

// correct has those of the objects applied again, that were found not to be as asked, whose pauses are over. The
// decision is noted first, and a workload that is made anew waits for its new UID: so a death before the outcome is
// known loses nothing. It reports whether there is any.
func (t *turn) correct(f *api.Flight) bool {
	for _, o := range t.o.Compared.Objects {
		if t.pauseOf(o).After(t.o.Now) {
			continue
		}
		t.d.CorrectOnly = append(t.d.CorrectOnly, o.Object)
		if o.Field != "" {
			continue
		}
		for i, w := range f.Workloads {
			if WorkloadKey(w).String() == o.Object {
				f.Workloads[i] = madeAnew(w, t.o.Now)
			}
		}
	}
	if t.d.Correct = len(t.d.CorrectOnly) > 0; !t.d.Correct {
		t.wake(t.dueAt(t.o.Compared.Objects))
		return false
	}
	at := metav1.NewMicroTime(t.o.Now)
	t.s.Drift.PendingAt = &at
	return true
}

// fresh reports whether the newest comparison is of this flight, and newer than the last correction.
func (t *turn) fresh(f *api.Flight) bool {
	c, done := t.o.Compared, t.o.Corrected
	return c != nil && c.Digest == f.Digest && (done == nil || c.At.After(done.At))
}

// drifted takes in what was compared and what was corrected.
func (t *turn) drifted(f *api.Flight) {
	if done := t.o.Corrected; done != nil && done.Digest == f.Digest {
		t.corrected(done)
	}
	if !t.fresh(f) {
		return
	}
	c, d := t.o.Compared, t.s.Drift
	switch {
	case len(c.Objects) == 0 && (d == nil || c.Problem != ""):
		return
	case len(c.Objects) > 0 && (d == nil || d.Count == 0):
		d = t.found(c)
	}
	if t.s.Drift = d; t.pending() && c.Problem == "" && c.At.After(d.PendingAt.Time) {
		d.PendingAt = nil
	}
	d.Pauses = calm(d.Pauses, c.At)
	t.noteDrifted(f, c.Objects)
}

// noteDrifted writes down what is not as asked at present. A workload that joins it is no longer what it completed as.
func (t *turn) noteDrifted(f *api.Flight, objects []api.DriftedObject) {
	d := t.s.Drift
	before := map[string]string{}
	for _, o := range d.Objects {
		before[o.Object] = o.Problem
	}
	d.Count, d.Objects, d.RetryAt = len(objects), slices.Clone(objects[:min(len(objects), maxDrifted)]), nil
	for i, o := range d.Objects {
		if problem, known := before[o.Object]; known {
			d.Objects[i].Problem = problem
		} else if t.changesPods(f, o) {
			t.disturb(f)
		}
	}
	if d.Count == 0 {
		d.Objects, d.Problem = nil, ""
	} else if due := t.dueAt(d.Objects); !due.IsZero() {
		at := metav1.NewMicroTime(due)
		d.RetryAt = &at
	}
}

// found begins, or goes on with, a row of corrections. It ends when nobody has changed anything for some time.
func (t *turn) found(c *Compared) *api.DriftStatus {
	d := t.s.Drift
	if d == nil || d.CorrectedAt == nil || c.At.After(d.CorrectedAt.Add(2*pauseAfter(longest(d.Pauses)))) {
		next := &api.DriftStatus{Since: metav1.NewMicroTime(c.At)}
		if d != nil {
			next.PendingAt = d.PendingAt
		}
		return next
	}
	return d
}

// corrected takes in a correction once.
func (t *turn) corrected(done *Corrected) {
	d := t.s.Drift
	if d == nil || d.CorrectedAt != nil && !done.At.After(d.CorrectedAt.Time) {
		return
	}
	at := metav1.NewMicroTime(done.At)
	d.Corrections++
	d.CorrectedAt, d.PendingAt, d.RetryAt, d.Problem = &at, nil, nil, done.Problem
	found := d.Objects
	if c := t.o.Compared; c != nil && c.Digest == done.Digest && !c.At.After(done.At) {
		found = c.Objects // all of them, and not only those that the status names
	}
	var left []api.DriftedObject
	for _, o := range found {
		tried := done.tried(o.Object)
		if tried {
			t.pause(o, done)
			o.Problem = done.problemOf(o.Object)
		}
		if !tried || o.Problem != "" {
			left = append(left, o)
		}
	}
	d.Count, d.Objects = len(left), left[:min(len(left), maxDrifted)]
	if due := t.dueAt(left); !due.IsZero() {
		at := metav1.NewMicroTime(due)
		d.RetryAt = &at
	}
}

// correctable reports whether what makes the rollout stuck is a change by somebody else that is corrected first. It is
// not once a correction of the object has failed, or others have kept it up for longer than the deadline.
func (t *turn) correctable(r *Rollout) bool {
	if t.mayNotCorrect() != "" || len(r.Causes) == 0 {
		return false
	}
	lead := r.Causes[0]
	if lead.Code != CauseOverwritten && lead.Code != causeDeleted {
		return false
	}
	since := lead.Since.Time
	if d := t.s.Drift; d != nil {
		if correctionFailed(d, lead.Object) {
			return false
		}
		for _, p := range d.Pauses {
			if p.Object == lead.Object && p.Since.Time.Before(since) {
				since = p.Since.Time
			}
		}
	}
	t.wake(since.Add(t.gate.Deadline))
	return t.o.Now.Before(since.Add(t.gate.Deadline))
}

// correctionFailed reports whether an object could not be corrected, or another one that the status has no room to
// name.
func correctionFailed(d *api.DriftStatus, object string) bool {
	named := false
	for _, o := range d.Objects {
		if o.Problem != "" && o.Object == object {
			return true
		}
		named = named || o.Problem != ""
	}
	return d.Problem != "" && !named
}

// DriftWords say what is not as asked at present, with whom the Sync is at odds, and what is done about it; empty if
// all is well.
func DriftWords(d *api.DriftStatus) (reason, message string) {
	if d == nil || d.Count == 0 {
		return "AsInGit", ""
	}
	first := api.DriftedObject{}
	if len(d.Objects) > 0 {
		first = d.Objects[0]
	}
	message = first.String() + others(d.Count)
	if problem := cmp.Or(first.Problem, d.Problem); problem != "" {
		return "NotCorrected", message + "; it cannot be corrected: " + problem
	}
	if more := PauseWords(d, first); more != "" {
		return "KeepsComingBack", message + "; " + more
	}
	return "Found", message
}

// others says how many objects there are besides the one that is named; nothing if there are none.
func others(count int) string {
	if count <= 1 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", count-1)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
