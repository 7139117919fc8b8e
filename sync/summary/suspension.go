package summary

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Suspension is what suspends a Sync: its own spec, or for a Reason what suspends all Syncs. Text is what there is to
// say of the latter, also when it is over.
type Suspension struct {
	BySpec       bool
	Reason, Text string
}

const (
	standsStill = "polls, applies, prune and correction stand still; what is in flight is still judged, and braked"
	staysSo     = "; spec.suspend suspends it besides"
)

// Suspend writes the condition that says whether a person has stopped the Sync, and since when.
func Suspend(s *api.SyncStatus, by Suspension, now time.Time) {
	c := metav1.Condition{Type: api.ConditionSuspended, Status: metav1.ConditionFalse, Reason: "Active",
		Message:            "polls, applies, prunes and corrects",
		ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.NewTime(now)}
	switch {
	case by.Reason != "":
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, by.Reason, by.Text+"; "+standsStill
		if by.BySpec {
			c.Message += staysSo
		}
	case by.BySpec:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, "Suspended", "spec.suspend is set: "+standsStill
	}
	if c.Status == metav1.ConditionFalse {
		c.Message = english.Join(c.Message, "; ", by.Text)
	}
	meta.SetStatusCondition(&s.Conditions, c)
}

// SuspensionNews says what a person would want to hear of the difference between two statuses: once for every change,
// also of what suspends the Sync. Of a Sync that has never been suspended there is none.
func SuspensionNews(before, now api.SyncStatus) (suspended bool, words string, changed bool) {
	was := meta.FindStatusCondition(before.Conditions, api.ConditionSuspended)
	is := meta.FindStatusCondition(now.Conditions, api.ConditionSuspended)
	if is == nil || was == nil && is.Status != metav1.ConditionTrue ||
		was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return false, "", false
	}
	return is.Status == metav1.ConditionTrue, is.Message, true
}
