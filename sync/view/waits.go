package view

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Source says why nothing comes from the repository; empty if it is polled.
func Source(s *api.Sync) string {
	source := meta.FindStatusCondition(s.Status.Conditions, api.ConditionSource)
	switch suspended := Suspended(s); {
	case suspended != "":
		return "suspended: " + suspended
	case source == nil:
		return "the repository has not been polled yet; is the controller running?"
	case source.Status == metav1.ConditionFalse:
		return "the repository cannot be polled: " + source.Message
	}
	return ""
}

// Suspended says what suspends a Sync: its spec, or what its controller says of all; empty if nothing does.
func Suspended(s *api.Sync) string {
	c := meta.FindStatusCondition(s.Status.Conditions, api.ConditionSuspended)
	switch {
	case c != nil && (c.Reason == api.ReasonStoppedForAll || c.Reason == api.ReasonStopUnread):
		return c.Message
	case s.Spec.Suspend:
		return "nothing is polled or applied"
	}
	return ""
}

// Waits are what a Sync waits for and what ails it, besides its commit in flight: a sentence each.
func Waits(s *api.Sync, now time.Time) []string {
	var waits []string
	for _, f := range s.Status.Failed {
		waits = append(waits, fmt.Sprintf("%s  Failed: %s", api.Short(f.Commit), f.Message))
	}
	if h := s.Status.Held; h.Count > 0 {
		waits = append(waits, fmt.Sprintf("%s held, the newest is %s: %s", english.Count(h.Count, "commit"),
			api.Short(h.Newest), h.Reason))
	}
	if w := s.Status.NextWindow; w != nil {
		waits = append(waits, fmt.Sprintf("no window is open; the next opens %s, in %s",
			w.Format(time.DateTime+" MST"), duration.HumanDuration(w.Sub(now))))
	}
	if w := meta.FindStatusCondition(s.Status.Conditions, api.ConditionWindows); w != nil &&
		w.Status == metav1.ConditionFalse {
		waits = append(waits, "the windows cannot be read, so no commit starts: "+w.Message)
	}
	if drifted := meta.FindStatusCondition(s.Status.Conditions, api.ConditionDrifted); drifted != nil &&
		drifted.Status == metav1.ConditionTrue {
		waits = append(waits, "drifted: "+drifted.Message)
	}
	if healthy := meta.FindStatusCondition(s.Status.Conditions, api.ConditionHealthy); healthy != nil &&
		healthy.Status == metav1.ConditionFalse {
		waits = append(waits, fmt.Sprintf("not well for %s: %s",
			duration.HumanDuration(now.Sub(healthy.LastTransitionTime.Time)), healthy.Message))
	}
	return waits
}
