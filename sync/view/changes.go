package view

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/report"
)

// Change is a DaemonSet whose template the commit in flight has changed, with both as Kubernetes keeps them.
type Change struct {
	Namespace, Name string
	Before, After   *appsv1.ControllerRevision // Before is nil if there was none
}

// Changes are those of the commit in flight. A template that was made before the commit is another commit's change, or
// one that a rollback has brought back.
func Changes(s Seen) []Change {
	var changes []Change
	for i := range s.Judged {
		d := &s.Judged[i]
		if d.Look.DaemonSet == nil || templateIsInDoubt(d.Judgement.Causes) {
			continue
		}
		current, found := fact.CurrentRevision(d.Look.DaemonSet, d.Look.Revisions)
		if !found {
			continue
		}
		after := revisionOf(d, current.Hash)
		if after == nil || !after.CreationTimestamp.After(d.Target.AppliedAt.Add(-rollout.SkewTolerance)) {
			continue
		}
		changes = append(changes, Change{Namespace: d.Target.Namespace, Name: d.Target.Name,
			Before: newestBut(d, current.Hash), After: after})
	}
	return changes
}

// revisionOf is the revision of a DaemonSet with a hash; nil if there is none.
func revisionOf(d *report.Judged, hash string) *appsv1.ControllerRevision {
	for _, r := range d.Look.Revisions {
		if fact.Owns(d.Look.DaemonSet, r) && r.Labels[fact.HashLabel] == hash {
			return r
		}
	}
	return nil
}
