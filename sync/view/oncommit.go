package view

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// onNodes says which commit the pods of one DaemonSet are of.
type onNodes struct {
	flight string            // the commit in flight
	hashes map[string]string // of the pods' templates, by the pods' names
	commit map[string]string // by hash, as far as known
}

func commitsOn(d *report.Judged, s *api.SyncStatus) onNodes {
	f := s.InFlight
	if f == nil || d.Look.DaemonSet == nil {
		return onNodes{}
	}
	on := onNodes{flight: f.Commit, hashes: make(map[string]string, len(d.Look.Pods)), commit: map[string]string{}}
	for _, p := range d.Look.Pods {
		on.hashes[p.Name] = p.Labels[fact.HashLabel]
	}
	if templateIsInDoubt(d.Judgement.Causes) {
		return on
	}
	current, found := fact.CurrentRevision(d.Look.DaemonSet, d.Look.Revisions)
	if !found {
		return on
	}
	on.commit[current.Hash] = f.Commit
	if before, r := appliedBefore(f, s.History), newestBut(d, current.Hash); before != "" && r != nil {
		on.commit[r.Labels[fact.HashLabel]] = before
	}
	return on
}

// templateIsInDoubt reports whether the live template may be another one than the commit's.
func templateIsInDoubt(causes []rollout.Cause) bool {
	for _, c := range causes {
		switch c.Code {
		case rollout.Overwritten, rollout.Deleted, rollout.NotObserved:
			return true
		}
	}
	return false
}

// appliedBefore is the commit that was applied last before the one in flight, where the newest older template is
// certainly its own: one that was complete ran everywhere, and one that is rolled back was tried right before.
func appliedBefore(f *api.Flight, history []api.Record) string {
	if f.RollbackOf != nil {
		return f.RollbackOf.Commit
	}
	for _, r := range history {
		if r.Commit == f.Commit || r.By != "" || r.State != api.Complete && r.State != api.Stuck {
			continue
		}
		if r.Commit == f.Before && r.State == api.Complete {
			return r.Commit
		}
		return ""
	}
	return ""
}

// newestBut is the newest revision of the DaemonSet besides one; nil if there is none.
func newestBut(d *report.Judged, hash string) *appsv1.ControllerRevision {
	var newest *appsv1.ControllerRevision
	for _, r := range d.Look.Revisions {
		if fact.Owns(d.Look.DaemonSet, r) && r.Labels[fact.HashLabel] != hash &&
			(newest == nil || r.Revision > newest.Revision) {
			newest = r
		}
	}
	return newest
}

// of is the commit of the pod that a node's state is about; empty if that cannot be known.
func (on onNodes) of(n rollout.Node) string {
	if n.State == rollout.IsSettled || n.State == rollout.IsUpdated {
		return on.flight
	}
	if n.Pod == "" {
		return ""
	}
	return on.commit[on.hashes[n.Pod]]
}
