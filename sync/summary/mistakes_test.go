package summary

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What somebody has to put right is Stalled, with the message where kubectl get shows it, also of a Sync whose last
// commit is Complete; what passes by itself is tried again, with the message, and no row is empty.
func TestAMistakeIsStalledAndNoRowIsEmpty(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	complete := &api.Flight{Commit: strings.Repeat("a", 40), State: api.Complete, Pruned: true}
	source := func(reason string) metav1.Condition {
		return metav1.Condition{Type: api.ConditionSource, Status: metav1.ConditionFalse, Reason: reason, Message: "why\nnot"}
	}
	for name, c := range map[string]struct {
		flight                      *api.Flight
		condition                   metav1.Condition
		spec                        error
		ready, reconciling, stalled metav1.ConditionStatus
		reason, says                string
	}{
		"nothing is known": {nil, metav1.Condition{}, nil, "Unknown", "True", "False", "NoCommit", "for the first time"},
		"not reached": {nil, source(api.ReasonPollFailed), nil, "Unknown", "True", "False", "NoCommit",
			"tried again: why not"},
		"not reached later": {complete, source(api.ReasonPollFailed), nil, "True", "False", "False", "Complete", ""},
		"wrong branch":      {nil, source(api.ReasonSourceInvalid), nil, "False", "False", "True", "SourceInvalid", "why not"},
		"wrong branch later": {complete, source(api.ReasonSourceInvalid), nil, "False", "False", "True", "SourceInvalid",
			"why not"},
		"windows": {nil, metav1.Condition{Type: api.ConditionWindows, Status: metav1.ConditionFalse, Reason: "Unreadable",
			Message: "spec.windows[0]"}, nil, "False", "False", "True", "WindowsInvalid", "spec.windows[0]"},
		"figures": {nil, metav1.Condition{}, errors.Join(errors.New("a"), errors.New("b")), "False", "False", "True",
			"SpecInvalid", "a; b"},
	} {
		s := &api.SyncStatus{GateStatus: api.GateStatus{InFlight: c.flight}}
		if c.flight != nil {
			s.Head = c.flight.Commit
		}
		if c.condition.Type != "" {
			meta.SetStatusCondition(&s.Conditions, c.condition)
		}
		NoteSpec(s, c.spec, now)
		Write(s, now)
		for kind, want := range map[string]metav1.ConditionStatus{api.ConditionReady: c.ready,
			api.ConditionReconciling: c.reconciling, api.ConditionStalled: c.stalled} {
			if got := meta.FindStatusCondition(s.Conditions, kind); got.Status != want || got.Reason != c.reason ||
				!strings.Contains(strings.Join(strings.Fields(got.Message), " "), c.says) {
				t.Errorf("%s: %s is %s %s %q", name, kind, got.Status, got.Reason, got.Message)
			}
		}
		if m := s.Summary.Message; !strings.Contains(m, c.says) || strings.Contains(m, "\n") {
			t.Errorf("%s: the row says %q", name, m)
		}
		NoteSpec(s, nil, now)
		if c.condition.Type != "" {
			meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: c.condition.Type, Status: metav1.ConditionTrue,
				Reason: "Read"})
		}
		if Write(s, now); meta.IsStatusConditionTrue(s.Conditions, api.ConditionStalled) {
			t.Errorf("%s: it stays Stalled although it was put right", name)
		}
	}
}

// A Sync that can do nothing now and goes on by itself is Reconciling, and nobody knows whether it is Ready.
func TestWhatPassesIsReconciling(t *testing.T) {
	s := &api.SyncStatus{GateStatus: api.GateStatus{InFlight: &api.Flight{State: api.Complete, Pruned: true}}}
	Wait(s, "ClusterUnreachable", "no answer", time.Unix(1, 0))
	for kind, want := range map[string]metav1.ConditionStatus{api.ConditionReady: "Unknown", api.ConditionReconciling: "True",
		api.ConditionStalled: "False"} {
		if c := meta.FindStatusCondition(s.Conditions, kind); c == nil || c.Status != want || c.Reason != "ClusterUnreachable" {
			t.Errorf("%s: %+v", kind, c)
		}
	}
	if s.Summary.Message != "no answer" {
		t.Errorf("the row says %q", s.Summary.Message)
	}
}

// A message is one line of a table that is not too long.
func TestAMessageIsOneLine(t *testing.T) {
	if got := lineOf("a\n  b " + strings.Repeat("x", 1000)); !strings.HasPrefix(got, "a b xx") || len(got) > maxMessage+3 {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}
