package sync

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// correctPause is how long a Sync waits after a correction before it makes another. It doubles, up to
	// maxCorrectPause, with every one that somebody undoes: against another controller nobody wins.
	correctPause    = 30 * time.Second
	maxCorrectPause = 15 * time.Minute
	// comparePause is how long it waits after a comparison: not all that others write is drift.
	comparePause = 5 * time.Second
	// maxDrifted is how many objects the status names.
	maxDrifted = 20
)

// The causes of a verdict that a correction may mend.
const (
	causeOverwritten = "Overwritten"
	causeDeleted     = "Deleted"
)

// mayNotCorrect says why no drift may be corrected now; empty if it may. Nobody else decides it.
func (t *turn) mayNotCorrect() string {
	switch {
	case t.o.Suspended:
		return "the Sync is suspended"
	case !t.gate.Correct:
		return "spec.apply.drift is Report"
	}
	return t.o.Window.Closed
}

// drift decides whether the flight's objects are to be compared with what it asks for, and what is to become of those
// that are not so. It is for a flight whose set has been written.
func (t *turn) drift(f *api.Flight) {
	if t.o.Suspended || t.d.Prune {
		return
	}
	corrects := t.mayNotCorrect() == ""
	if corrects && t.fresh(f) && len(t.o.Compared.Objects) > 0 {
		t.correct()
		return
	}
	known := t.s.Drift != nil && t.s.Drift.Count > 0
	if !t.o.Touched && !t.accused && !(corrects && known) {
		return
	}
	at := t.compareAt(f)
	if corrects && known && t.s.Drift.RetryAt != nil {
		at = latest(at, t.s.Drift.RetryAt.Time)
	}
	if t.o.Now.Before(at) {
		t.wake(at)
		return
	}
	t.d.Compare = true
}

// compareAt is when the flight may be compared again.
func (t *turn) compareAt(f *api.Flight) time.Time {
	if c := t.o.Compared; c != nil && c.Digest == f.Digest {
		return latest(c.At.Add(comparePause), c.RetryAt)
	}
	return time.Time{}
}

// correct has what was found applied again, as soon as the last correction is long enough ago.
func (t *turn) correct() {
	if d := t.s.Drift; d.RetryAt != nil && t.o.Now.Before(d.RetryAt.Time) {
		t.wake(d.RetryAt.Time)
		return
	}
	t.d.Correct = true
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
	d.Count, d.Objects = len(c.Objects), c.Objects[:min(len(c.Objects), maxDrifted)]
	if d.Count == 0 {
		d.Objects, d.Problem = nil, ""
	}
	t.s.Drift = d
}

// found begins, or goes on with, a row of corrections. It ends when nobody has changed anything for some time.
func (t *turn) found(c *Compared) *api.DriftStatus {
	d := t.s.Drift
	if d == nil || d.CorrectedAt == nil || c.At.After(d.CorrectedAt.Add(2*pauseAfter(d.Corrections))) {
		return &api.DriftStatus{Since: metav1.NewMicroTime(c.At)}
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
	retry := metav1.NewMicroTime(done.At.Add(pauseAfter(d.Corrections)))
	d.CorrectedAt, d.RetryAt, d.Problem = &at, &retry, done.Problem
	if done.Problem == "" {
		d.Count, d.Objects = 0, nil
	}
}

func pauseAfter(corrections int) time.Duration {
	return backoff(corrections, correctPause, maxCorrectPause)
}

// correctable reports whether what makes the rollout stuck is a change by somebody else that is corrected first. It is
// not once a correction has failed, or others have kept it up for longer than the deadline.
func (t *turn) correctable(r *Rollout) bool {
	if t.mayNotCorrect() != "" || len(r.Causes) == 0 {
		return false
	}
	lead := r.Causes[0]
	if lead.Code != causeOverwritten && lead.Code != causeDeleted {
		return false
	}
	since := lead.Since.Time
	if d := t.s.Drift; d != nil {
		if d.Problem != "" {
			return false
		}
		if d.Since.Time.Before(since) {
			since = d.Since.Time
		}
	}
	t.wake(since.Add(t.gate.Deadline))
	return t.o.Now.Before(since.Add(t.gate.Deadline))
}

// driftWords say what is not as asked at present, with whom the Sync is at odds, and what is done about it; empty if all
// is well.
func driftWords(d *api.DriftStatus) (reason, message string) {
	if d == nil || d.Count == 0 {
		return "AsInGit", ""
	}
	message = d.Objects[0].String() + others(d.Count)
	switch {
	case d.Problem != "":
		return "NotCorrected", message + "; it cannot be corrected: " + d.Problem
	case d.Corrections > 0:
		return "KeepsComingBack", message + fmt.Sprintf("; undone %d times in a row, so the pauses between corrections grow", d.Corrections)
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
