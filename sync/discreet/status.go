// Package discreet takes out of a status what was said of single nodes before its Sync was asked not to say it
// (spec.report.inCluster). It is pure.
package discreet

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Remedy stands where what to do cannot be said without naming what is in the way.
const Remedy = "Nodes and messages are not told here (spec.report.inCluster: Counts): `daemongate explain` names " +
	"them, with the rights of whoever asks."

// withheld stands where something was said that may have been about single nodes.
const withheld = "what was said of it may be about single nodes, and is not told any more"

// Withhold takes out of a Sync's status what was said in it before the Sync was asked not to tell of single nodes: of
// every commit stays what everybody may be told. What must not be forgotten of a flight stays as it is, to be kept in
// another form after the next look; of a complete one, which may not be looked at again, all is forgotten that is about
// nodes.
func Withhold(s *api.Sync) {
	switch counts := s.Spec.Report.CountsOnly(); {
	case !counts:
		s.Status.Detail = ""
	case s.Status.Detail != api.TellCounts:
		s.Status = *withheldFrom(s.Status.DeepCopy())
	}
}

func withheldFrom(s *api.SyncStatus) *api.SyncStatus {
	s.Detail = api.TellCounts
	for i := range s.History {
		public(&s.History[i].Message)
	}
	for i := range s.Failed {
		s.Failed[i].Message = withheld
	}
	if s.Ailing != nil {
		for i := range s.Ailing.Objects {
			s.Ailing.Objects[i].Message = withheld
		}
	}
	if s.InFlight != nil {
		flight(s.InFlight)
	}
	if s.Preflight != nil {
		preflight(s)
	}
	return s
}

// preflight takes the nodes out that a commit would not fit.
func preflight(s *api.SyncStatus) {
	p := s.Preflight
	if p.Reason != "" && s.Held.Reason == p.Reason {
		s.Held.Reason = withheld
	}
	for _, said := range []*string{&p.Reason, &p.Warning} {
		if *said != "" {
			*said = withheld
		}
	}
}

// public leaves of a message what everybody may be told.
func public(m *api.Message) { m.Private = string(m.Public) }

func flight(f *api.Flight) {
	public(&f.Message)
	if f.Relapse != nil {
		public(&f.Relapse.Message)
	}
	if f.RollbackOf != nil {
		public(&f.RollbackOf.Message)
	}
	if f.NoRollback != nil {
		f.NoRollback.Message = withheld
	}
	if f.Stage != nil {
		f.Stage.Message = ""
	}
	for i := range f.Causes {
		c := &f.Causes[i]
		c.Nodes, c.Message, c.Remedy = nil, rollout.Code(c.Code).Meaning(), Remedy
	}
	for i := range f.Workloads {
		w := &f.Workloads[i]
		w.Headline, w.Notes = "", nil
		for n := range w.Nodes {
			w.Nodes[n].Names, w.Nodes[n].Why = nil, ""
		}
		if f.IsComplete() {
			w.WasFailing, w.Memory = nil, nodeless(w.Memory)
		}
	}
}

// nodeless is what is remembered of a rollout as a whole.
func nodeless(kept runtime.RawExtension) runtime.RawExtension {
	var m rollout.Memory
	if json.Unmarshal(kept.Raw, &m) != nil {
		return runtime.RawExtension{}
	}
	raw, err := json.Marshal(m.WithUIDs(nil))
	if err != nil {
		return runtime.RawExtension{}
	}
	return runtime.RawExtension{Raw: raw}
}
