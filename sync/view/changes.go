package view

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/report"
)

// Change is what the commit in flight has done to the template of one DaemonSet, with both templates as Kubernetes
// keeps them.
type Change struct {
	Namespace, Name string
	Is              Changed
	Before, After   *appsv1.ControllerRevision // if it has a new one; Before is nil if there was none
}

// Changed is what has become of a template.
type Changed string

// What can have become of it.
const (
	Renewed   Changed = "renewed"
	Untouched Changed = "untouched"
	// BroughtBack is an earlier one that is in force again. Kubernetes does not keep since when: the commit in flight
	// or one before it has brought it back.
	BroughtBack Changed = "brought back"
	NotKnown    Changed = "not known"
)

// Changes are those of the commit in flight, one for each DaemonSet that it asks for.
func Changes(s Seen) []Change {
	var changes []Change
	for i := range s.Judged {
		if d := &s.Judged[i]; d.Judgement.Object == "" {
			changes = append(changes, changeOf(d))
		}
	}
	return changes
}

// changeOf tells what has become of a template. A revision that is older than the commit is not its own; but if another
// one has been made after it, then it was brought back, for which Kubernetes makes no new one.
func changeOf(d *report.Judged) Change {
	c := Change{Namespace: d.Target.Namespace, Name: d.Target.Name, Is: NotKnown}
	if d.Look.DaemonSet == nil || templateIsInDoubt(d.Judgement.Causes) {
		return c
	}
	current, found := fact.CurrentRevision(d.Look.DaemonSet, d.Look.Revisions)
	if !found {
		return c
	}
	after := revisionOf(d, current.Hash)
	switch {
	case after == nil:
	case after.CreationTimestamp.After(d.Target.AppliedAt.Add(-rollout.SkewTolerance)):
		c.Is, c.Before, c.After = Renewed, newestBut(d, current.Hash), after
	case current.Since.After(after.CreationTimestamp.Time):
		c.Is = BroughtBack
	default:
		c.Is = Untouched
	}
	return c
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
