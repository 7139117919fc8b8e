package pace

import (
	"fmt"
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// countBy finds the template that the DaemonSet controller makes pods of. It says why that is not known to be the
// commit's: then a pod that goes might come back as anything.
func (s *set) countBy() (problem string) {
	d := s.Look.DaemonSet
	name := fmt.Sprintf("DaemonSet %s/%s", s.Target.Namespace, s.Target.Name)
	for _, kind := range []string{rollout.KindPods, rollout.KindNodes, rollout.KindRevisions} {
		if s.Look.Lacks(kind) {
			return fmt.Sprintf("%s is looked at without %s: nobody knows which pods may go", name, kind)
		}
	}
	switch {
	case d == nil || d.DeletionTimestamp != nil || s.Target.UID != "" && d.UID != s.Target.UID:
		return name + " does not exist any more as it was applied"
	case d.Generation < s.Target.Generation || d.Status.ObservedGeneration < d.Generation:
		return name + ": its controller has not observed the commit yet"
	case !s.isOnDelete() && !s.Held:
		return fmt.Sprintf("%s has the update strategy %s: its controller replaces the pods by itself", name,
			d.Spec.UpdateStrategy.Type)
	case isOverwritten(&s.Judgement):
		return name + " was changed by somebody else: its pods would not be the commit's"
	}
	current, found := fact.CurrentRevision(d, s.Look.Revisions)
	if !found {
		return name + ": no ControllerRevision has its template yet"
	}
	s.hash, s.minReady = current.Hash, time.Duration(d.Spec.MinReadySeconds)*time.Second
	return ""
}

// isOverwritten reports whether the judge has found that the DaemonSet is not what the commit asks for.
func isOverwritten(j *rollout.Judgement) bool {
	return slices.ContainsFunc(j.Causes, func(c rollout.Cause) bool {
		return c.Code == rollout.Overwritten || c.Code == rollout.Deleted || c.Code == rollout.NotObserved
	})
}
