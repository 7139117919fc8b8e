// Package summary says what the status of a Sync comes to: what kubectl get shows, and the conditions.
package summary

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// Write writes what kubectl get shows, and the conditions, from the rest of the status.
func Write(s *api.SyncStatus, now time.Time) {
	if m := mistakeOf(s); m.reason != "" {
		Stall(s, m.reason, english.Join(m.message, "; ", summaryOf(s).Message), now)
		return
	}
	s.Summary = summaryOf(s)
	state, message := s.Summary.State, s.Summary.Message
	set := func(kind string, status metav1.ConditionStatus) {
		reason := string(state)
		if reason == "" {
			reason = "NoCommit"
		}
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason,
			Message: message, ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.NewTime(now)})
	}
	s.Summary.Message = lineOf(message)
	summarizeDrift(s, now)
	summarizeHealth(s, now)
	switch f := s.InFlight; {
	case state == api.Complete && f != nil && f.Correcting != nil:
		why, _ := gate.CorrectingWords(f.Correcting)
		state = api.CommitState(why)
		set(api.ConditionReady, metav1.ConditionFalse)
		set(api.ConditionReconciling, metav1.ConditionTrue)
		set(api.ConditionStalled, metav1.ConditionFalse)
	case takenBack(s.InFlight):
		state = relapsedReason
		set(api.ConditionReady, metav1.ConditionFalse)
		set(api.ConditionReconciling, metav1.ConditionFalse)
		set(api.ConditionStalled, metav1.ConditionTrue)
	case state == api.Complete:
		set(api.ConditionReady, metav1.ConditionTrue)
		set(api.ConditionReconciling, metav1.ConditionFalse)
		set(api.ConditionStalled, metav1.ConditionFalse)
	case state == api.Stuck || state == api.Failed:
		set(api.ConditionReady, metav1.ConditionFalse)
		set(api.ConditionReconciling, metav1.ConditionFalse)
		set(api.ConditionStalled, metav1.ConditionTrue)
	default:
		set(api.ConditionReady, metav1.ConditionUnknown)
		set(api.ConditionReconciling, metav1.ConditionTrue)
		set(api.ConditionStalled, metav1.ConditionFalse)
	}
}

// Stall writes the same of a Sync that does nothing until a person has changed something, whatever became of its
// commits.
func Stall(s *api.SyncStatus, reason, message string, now time.Time) {
	stand(s, reason, message, now, map[string]metav1.ConditionStatus{api.ConditionReady: metav1.ConditionFalse,
		api.ConditionReconciling: metav1.ConditionFalse, api.ConditionStalled: metav1.ConditionTrue})
}

// Wait writes the same of a Sync that can do nothing now, and goes on by itself.
func Wait(s *api.SyncStatus, reason, message string, now time.Time) {
	stand(s, reason, message, now, map[string]metav1.ConditionStatus{api.ConditionReady: metav1.ConditionUnknown,
		api.ConditionReconciling: metav1.ConditionTrue, api.ConditionStalled: metav1.ConditionFalse})
}

func stand(s *api.SyncStatus, reason, message string, now time.Time, all map[string]metav1.ConditionStatus) {
	s.Summary = summaryOf(s)
	s.Summary.Message = lineOf(message)
	summarizeDrift(s, now)
	summarizeHealth(s, now)
	for kind, status := range all {
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason,
			Message: message, ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.NewTime(now)})
	}
}

// summarizeDrift writes the condition that says whether others changed something. It is there once they have.
func summarizeDrift(s *api.SyncStatus, now time.Time) {
	drifted := s.Drift != nil && s.Drift.Count > 0
	if !drifted && meta.FindStatusCondition(s.Conditions, api.ConditionDrifted) == nil {
		return
	}
	reason, message := gate.DriftWords(s.Drift)
	condition := metav1.Condition{Type: api.ConditionDrifted, Status: metav1.ConditionFalse, Reason: reason,
		Message:            message,
		ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.NewTime(now)}
	if drifted {
		condition.Status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&s.Conditions, condition)
}

// relapsedReason is the reason of conditions that tell of a relapse.
const relapsedReason = "Relapsed"

// takenBack reports whether a flight stands in the place of a commit that was complete and has relapsed: what Git
// asks for is not what runs.
func takenBack(f *api.Flight) bool { return f != nil && f.RollbackOf != nil && f.RollbackOf.Relapsed }

// summarizeHealth writes the condition that says whether what a completed commit wrote is still well. It is there once
// something was not, until the next commit takes off.
func summarizeHealth(s *api.SyncStatus, now time.Time) {
	has := s.InFlight.IsComplete() && s.InFlight.Relapse != nil
	if !s.InFlight.Landed() && !has {
		meta.RemoveStatusCondition(&s.Conditions, api.ConditionHealthy)
		return
	}
	condition := metav1.Condition{Type: api.ConditionHealthy, Status: metav1.ConditionTrue, Reason: "Recovered",
		ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.NewTime(now)}
	switch words := gate.AilingWords(s.Ailing); {
	case has:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, relapsedReason,
			gate.OwnMessage(s.InFlight).Private
	case words != "":
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "Unavailable", words
	case meta.FindStatusCondition(s.Conditions, api.ConditionHealthy) == nil:
		return
	}
	meta.SetStatusCondition(&s.Conditions, condition)
}

// summaryOf is the Sync in one line: a head that failed, else the flight.
func summaryOf(s *api.SyncStatus) api.Summary {
	for _, f := range s.Failed {
		if f.Commit == s.Head {
			return api.Summary{Commit: api.Short(f.Commit), State: api.Failed, Message: f.Message}
		}
	}
	f := s.InFlight
	if f == nil {
		return api.Summary{Commit: api.Short(s.Head), State: waitingState(s),
			Message: cmp.Or(s.Held.Reason, waitsFor(s))}
	}
	summary := api.Summary{Commit: api.Short(f.Commit), State: f.State, Message: gate.MessageOf(f).Private}
	if b := f.RollbackOf; b != nil {
		summary.Commit, summary.State = api.Short(b.Commit), gate.StateBefore(b)
	}
	if f.Correcting != nil {
		_, summary.Message = gate.CorrectingWords(f.Correcting)
	}
	if f.Nodes.Desired > 0 {
		summary.Nodes = fmt.Sprintf("%d/%d", f.Nodes.Settled, f.Nodes.Desired)
	}
	return summary
}

func waitingState(s *api.SyncStatus) api.CommitState {
	if s.Held.Count > 0 {
		return api.Held
	}
	return ""
}

// WriteDeletion writes what kubectl get shows, and the conditions, of a Sync that is being deleted.
func WriteDeletion(s *api.SyncStatus, generation int64, d gate.DeletionDecision, now time.Time) {
	refused := d.Status.RefusedSince != nil
	s.Summary.Message = "being deleted: " + d.Message
	s.ObservedGeneration = generation
	for kind, is := range map[string]bool{api.ConditionReady: false, api.ConditionReconciling: !refused,
		api.ConditionStalled: refused} {
		status := metav1.ConditionFalse
		if is {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: kind, Status: status, Reason: d.Reason,
			Message: d.Message, ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now)})
	}
}
