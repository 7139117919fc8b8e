package gate

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
)

// CauseApplyFailed is the only cause that the gate itself finds.
const CauseApplyFailed = "ApplyFailed"

// CauseAlertsFiring is that of a paced rollout whose commit may have brought the alerts about that hold it back.
const CauseAlertsFiring = "AlertsFiring"

// These causes of a paced rollout say nothing against its commit: it is not rolled back for them, and the next one has
// nothing to mend.
const (
	CauseStrategyKept      = "StrategyKept"
	CauseAlertsHold        = "AlertsHold"
	CauseNodesAbsent       = "NodesAbsent"
	CauseDisruptionBudget  = "DisruptionBudget"
	CauseEvictionForbidden = "EvictionForbidden"
)

// isBlameless reports whether a flight is stuck by no fault of its commit's.
func isBlameless(f *api.Flight) bool {
	if f.State != api.Stuck || len(f.Causes) == 0 {
		return false
	}
	switch f.Causes[0].Code {
	case CauseStrategyKept, CauseAlertsHold, CauseNodesAbsent, CauseDisruptionBudget,
		CauseEvictionForbidden:
		return true
	}
	return false
}

// ApplyFailedMeaning is what everybody may be told of it. What the API server said may hold values of Secrets.
const ApplyFailedMeaning = "the API server does not take the objects"

// written takes in the result of writing the flight's set.
func (t *turn) written(f *api.Flight) {
	w := t.o.Written
	if w == nil || w.Commit != f.Commit || w.Digest != f.Digest || !f.Unwritten() {
		return
	}
	if w.Problem == "" {
		f.Workloads = slices.Clone(w.Workloads)
		f.Attempts, f.RetryAt, f.Message = 0, nil, api.Message{}
		if f.State == api.Applying {
			t.flightMove(f, api.RollingOut, api.Message{})
		}
		return
	}
	f.Workloads = merged(f.Workloads, w.Workloads)
	if f.RetryAt == nil || !w.At.Before(f.RetryAt.Time) {
		t.writeFailed(f, w.At, w.Problem)
	}
}

// writeFailed notes a failed attempt. The commit stays in flight; past the deadline it is Stuck.
func (t *turn) writeFailed(f *api.Flight, at time.Time, problem string) {
	f.Attempts++
	retry := metav1.NewMicroTime(at.Add(backoff.After(f.Attempts, time.Second, 30*time.Second)))
	f.RetryAt = &retry
	said := api.Message{Private: CauseApplyFailed + ": " + problem, Public: CauseApplyFailed + ": " +
		ApplyFailedMeaning}
	switch {
	case f.State == api.Stuck && len(f.Causes) > 0 && f.Causes[0].Code == CauseApplyFailed:
		f.Causes, f.Message = applyFailed(f, problem), said
	case f.State == api.Stuck: // by its pods, which lead
	case f.State == api.Applying && !t.o.Now.Before(f.Since.Add(t.gate.Deadline)):
		f.Causes = applyFailed(f, problem)
		t.flightMove(f, api.Stuck, said)
	default:
		f.Message = api.Message{Private: problem}
	}
}

func applyFailed(f *api.Flight, problem string) []api.Cause {
	return []api.Cause{{Code: CauseApplyFailed, Message: problem, Since: metav1.NewTime(f.Since.Time)}}
}

// merged are the workloads that an attempt wrote, and those that only an earlier one did.
func merged(before, now []api.Workload) []api.Workload {
	list, written := slices.Clone(now), map[ObjectKey]bool{}
	for _, w := range now {
		written[WorkloadKey(w)] = true
	}
	for _, w := range before {
		if !written[WorkloadKey(w)] {
			list = append(list, w)
		}
	}
	return list
}

// write decides on the next attempt to write the flight's set.
func (t *turn) write(f *api.Flight) {
	if t.suspended() != "" {
		return
	}
	if f.RetryAt != nil && t.o.Now.Before(f.RetryAt.Time) {
		t.wake(f.RetryAt.Time)
		return
	}
	p := t.prepared(f.Commit)
	switch {
	case p == nil:
		t.d.Prepare = f.Commit
	case p.Outcome == Ready:
		f.Digest, f.Generation = p.Digest, p.Generation
		t.d.Apply = f.Commit
		t.plan(p)
	case p.Outcome == Unavailable, p.Outcome == Early:
		t.wake(p.RetryAt)
	default:
		t.writeFailed(f, t.o.Now, p.Problem.Private)
		t.wake(f.RetryAt.Time)
	}
}

// prepared returns the result of preparing a commit for the present spec, or nil if it must be prepared.
func (t *turn) prepared(commit string) *Prepared {
	p := t.o.Prepared
	if p == nil || p.Commit != commit || p.Generation != t.o.Generation {
		return nil
	}
	if (p.Outcome == Unavailable || p.Outcome == Early) && !t.o.Now.Before(p.RetryAt) {
		return nil
	}
	t.d.Used = t.d.Used || p.Outcome == Invalid || p.Outcome == Refused || p.Outcome == Slow
	return p
}
