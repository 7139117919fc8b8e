package pacing

import (
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// What holds a stage up for too long makes its commit Stuck, with the cause and what to do; everybody is told what that
// means, and those who may read the Sync the rest. What the judge has found of nodes leads. A commit that is complete, or
// of which only a part is written, is not stuck by it.
func TestWhatHoldsAStageUpMakesACommitStuck(t *testing.T) {
	cause := pace.Cause{Code: rollout.NodesAbsent, Message: "node-7 is away", Nodes: []string{"node-7"}, Remedy: "bring it back",
		Since: noon}
	for name, c := range map[string]struct {
		cause  pace.Cause
		flight api.Flight
		found  gate.Rollout
		stuck  bool
		leads  string
	}{
		"nothing":            {found: gate.Rollout{State: api.RollingOut}},
		"nodes are away":     {cause, api.Flight{State: api.RollingOut}, gate.Rollout{State: api.RollingOut}, true, "NodesAbsent"},
		"a part is written":  {cause, api.Flight{State: api.Applying}, gate.Rollout{State: api.RollingOut}, false, ""},
		"it is complete":     {cause, api.Flight{State: api.Complete}, gate.Rollout{State: api.RollingOut}, false, ""},
		"nodes fail besides": {cause, api.Flight{State: api.RollingOut}, gate.Rollout{State: api.Stuck, Causes: []api.Cause{{Code: "CrashLoop"}}}, true, "CrashLoop"},
	} {
		s, r := paced(), c.found
		s.Status.InFlight = &c.flight
		stuck(&r, c.cause, s)
		if (r.State == api.Stuck) != c.stuck || c.leads != "" && r.Causes[0].Code != c.leads {
			t.Errorf("%s: %s %+v", name, r.State, r.Causes)
		}
		if m := r.Message; c.leads == "NodesAbsent" && (m.Private != "NodesAbsent: node-7 is away" ||
			m.Public != "NodesAbsent: nodes are absent without which no stage ends" || r.Causes[0].Remedy == "") {
			t.Errorf("%s: %+v %+v", name, m, r.Causes)
		}
	}
	s, r := paced(), gate.Rollout{State: api.RollingOut}
	s.Status.InFlight.State, s.Spec.Report.InCluster = api.RollingOut, api.TellCounts
	if stuck(&r, cause, s); strings.Contains(r.Message.Private+r.Causes[0].Message, "node-7") || len(r.Causes[0].Nodes) > 0 ||
		r.Causes[0].NodeCount != 1 {
		t.Errorf("where nodes are counted: %+v %+v", r.Message, r.Causes)
	}
}

// The gate knows causes by the names that a rollout gives them.
func TestTheGateKnowsTheCausesOfAPace(t *testing.T) {
	for said, code := range map[string]rollout.Code{gate.CauseStrategyKept: rollout.StrategyKept,
		gate.CauseAlertsHold: rollout.AlertsHold, gate.CauseNodesAbsent: rollout.NodesAbsent,
		gate.CauseDisruptionBudget:  rollout.DisruptionBudget,
		gate.CauseEvictionForbidden: rollout.EvictionForbidden} {
		if said != string(code) {
			t.Errorf("%s is %s to the gate", code, said)
		}
	}
}

// What no stage holds back is named once all is applied: not what is new and only pods of the commit get to know, and
// nothing where no DaemonSet rolls out, or none is paced.
func TestWhatNoStageHoldsBackIsNamed(t *testing.T) {
	applied := func(group, kind, name string, created, changed bool) manifests.Applied {
		return manifests.Applied{ID: manifests.ID{Group: group, Kind: kind, Namespace: "ns", Name: name},
			Created: created, Changed: changed}
	}
	rolls := applied("apps", "DaemonSet", "agent", false, true)
	list := []manifests.Applied{rolls, applied("", "ConfigMap", "kept", false, true), applied("", "ConfigMap", "new-1a2b", true, true),
		applied("apps", "Deployment", "api", true, true), applied("", "Service", "same", false, false)}
	said := strings.Join(AtOnce(paced(), list), "; ")
	if !strings.HasSuffix(said, "before the first stage: ConfigMap ns/kept, Deployment ns/api") {
		t.Errorf("%q", said)
	}
	s := paced()
	s.Spec.Rollout.Pace = nil
	for name, said := range map[string][]string{"not paced": AtOnce(s, list), "no rollout": AtOnce(paced(), list[1:]),
		"a DaemonSet alone": AtOnce(paced(), list[:1]),
		"all is new":        AtOnce(paced(), append(slices.Clone(list[1:]), applied("apps", "DaemonSet", "agent", true, true)))} {
		if said != nil {
			t.Errorf("%s: %q", name, said)
		}
	}
}
