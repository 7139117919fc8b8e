package view

import (
	"fmt"
	"strings"
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

// WantOfRoom says which commit waits because its pods would not fit their nodes, or what was found so of the one in
// flight; empty if nothing was, or if the summary of the Sync says it already.
func WantOfRoom(s *api.Sync) string {
	p, f, m := s.Status.Preflight, s.Status.InFlight, s.Status.Summary.Message
	text := ""
	switch {
	case p == nil:
	case len(p.Held) > 0:
		text = fmt.Sprintf("%s is held: %s", api.Short(p.Held[len(p.Held)-1]), p.Reason)
	case f != nil && p.Commit == f.Commit:
		text = p.Warning
	}
	if text == "" || strings.Contains(m, text) || p.Reason != "" && strings.Contains(m, p.Reason) {
		return ""
	}
	return text
}

// misfits say what was found of the commit in flight before its first write, if its pods would not fit their nodes, and
// what was not weighed of it or of the commits that wait for room.
func misfits(s *api.Sync) []string {
	p, f := s.Status.Preflight, s.Status.InFlight
	if p == nil {
		return nil
	}
	var list []string
	if f != nil && p.Commit == f.Commit && p.Warning != "" {
		list = append(list, fmt.Sprintf("%s before it was applied: %s", api.Short(f.Commit), p.Warning))
	}
	if len(list) > 0 || len(p.Held) > 0 {
		list = append(list, fmt.Sprintf("whole nodes were weighed, and not what else stands on them: daemongate plan "+
			"%s weighs that too, with your own rights", s.OnCommandLine()))
	}
	return list
}

// Waits are what a Sync waits for and what ails it, besides its commit in flight: a sentence each. The stage of a paced
// one is the first.
func Waits(s *api.Sync, now time.Time) []string {
	return append(stageWaits(s, now), waitsBesides(s, now)...)
}

// waitsBesides are those besides its stage.
func waitsBesides(s *api.Sync, now time.Time) []string {
	var waits []string
	for _, f := range s.Status.Failed {
		waits = append(waits, fmt.Sprintf("%s  Failed: %s", api.Short(f.Commit), f.Message))
	}
	if h := s.Status.Held; h.Count > 0 {
		waits = append(waits, fmt.Sprintf("%s held, the newest is %s: %s", english.Count(h.Count, "commit"),
			api.Short(h.Newest), h.Reason))
	}
	waits = append(waits, misfits(s)...)
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
	return append(waits, elsewhere(s)...)
}

// elsewhere says that a Sync's objects are in another cluster, and what keeps that one from being used.
func elsewhere(s *api.Sync) []string {
	if !s.IsElsewhere() {
		return nil
	}
	by := "which spec.apply.kubeConfig led to"
	if to := s.Spec.Apply.KubeConfig; to != nil {
		by = fmt.Sprintf("which the kubeconfig in Secret %s leads to", to.SecretRef.Name)
	}
	waits := []string{fmt.Sprintf("its objects are in another cluster, %s: what is shown of them is what the status "+
		"says", by)}
	c := meta.FindStatusCondition(s.Status.Conditions, api.ConditionReady)
	if c != nil && (strings.HasPrefix(c.Reason, "Cluster") || strings.HasPrefix(c.Reason, "KubeConfig")) {
		waits = append(waits, c.Message)
	}
	return waits
}
