package summary

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// NoteSpec writes the condition that says which fields of the spec cannot be read. It is there once one could not.
func NoteSpec(s *api.SyncStatus, problem error, now time.Time) {
	condition := metav1.Condition{Type: api.ConditionSpec, Status: metav1.ConditionTrue, Reason: "Read",
		ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.NewTime(now)}
	switch {
	case problem != nil:
		condition.Status, condition.Reason = metav1.ConditionFalse, "SpecInvalid"
		condition.Message = strings.ReplaceAll(api.TextOf(problem), "\n", "; ")
	case meta.FindStatusCondition(s.Conditions, api.ConditionSpec) == nil:
		return
	}
	meta.SetStatusCondition(&s.Conditions, condition)
}

// mistake is what somebody has to put right before a Sync can go on: the reason and the message of its conditions.
type mistake struct{ reason, message string }

// mistakeOf is the first mistake that the conditions tell of; the zero value if there is none.
func mistakeOf(s *api.SyncStatus) mistake {
	for _, kind := range []string{api.ConditionSpec, api.ConditionSource, api.ConditionWindows} {
		c := meta.FindStatusCondition(s.Conditions, kind)
		if c == nil || c.Status != metav1.ConditionFalse || c.Reason == api.ReasonPollFailed {
			continue
		}
		reason := c.Reason
		if kind == api.ConditionWindows {
			reason = "WindowsInvalid"
		}
		return mistake{reason, c.Message}
	}
	return mistake{}
}

// waitsFor says what a Sync waits for of which no commit is known yet.
func waitsFor(s *api.SyncStatus) string {
	if s.Head != "" {
		return ""
	}
	c := meta.FindStatusCondition(s.Conditions, api.ConditionSource)
	switch {
	case c != nil && c.Reason == api.ReasonPollFailed:
		return "the repository cannot be read, which is tried again: " + c.Message
	case c != nil && c.Status == metav1.ConditionFalse:
		return ""
	case s.Schedule != nil && s.Schedule.Next != nil:
		return "the repository is read next at " + s.Schedule.Next.UTC().Format("Mon 2006-01-02 15:04 MST")
	}
	return "the repository is being read for the first time"
}

// maxMessage is how long the message of a summary is, which is one line of a table, at most. The rest of it is told by
// the commit and by the conditions.
const maxMessage = 300

// lineOf is a text in one line that is not too long for a table.
func lineOf(text string) string {
	return english.Clip(strings.Join(strings.Fields(text), " "), maxMessage)
}
