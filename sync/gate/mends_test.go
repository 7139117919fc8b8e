package gate

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A commit that takes over from a stuck one knows when that took off, over several in a row the first. After one that
// was complete, or that was merely taken over, nothing is mended; nor after a rollback, which mends by itself.
func TestSinceWhenTheMendedCommitWasStuck(t *testing.T) {
	first, second := metav1.NewMicroTime(time.Unix(100, 0)), metav1.NewMicroTime(time.Unix(200, 0))
	tests := map[string]struct {
		last *api.Flight
		want *metav1.MicroTime
	}{
		"nothing before":           {},
		"stuck":                    {&api.Flight{State: api.Stuck, Since: second}, &second},
		"stuck, after a stuck one": {&api.Flight{State: api.Stuck, Since: second, MendsSince: &first}, &first},
		"taken over, after that":   {&api.Flight{State: api.RollingOut, Since: second, MendsSince: &first}, &first},
		"taken over":               {&api.Flight{State: api.RollingOut, Since: second}, nil},
		"taken over, failing": {&api.Flight{State: api.RollingOut, Since: second,
			Stage: &api.FlightStage{WaitsFor: api.StageFailing}}, &second},
		"taken over, with alerts since": {&api.Flight{State: api.RollingOut, Since: second,
			Stage: &api.FlightStage{WaitsFor: api.StageAlerts, Held: CauseAlertsFiring}}, &second},
		"taken over, with alerts before": {&api.Flight{State: api.RollingOut, Since: second,
			Stage: &api.FlightStage{WaitsFor: api.StageAlerts, Held: CauseAlertsHold}}, nil},
		"complete, after a stuck": {&api.Flight{State: api.Complete, Since: second, MendsSince: &first}, nil},
		"held by alerts":          {&api.Flight{State: api.Stuck, Since: second, Causes: causedBy(CauseAlertsHold)}, nil},
		"held by alerts, mending": {&api.Flight{State: api.Stuck, Since: second, MendsSince: &first,
			Causes: causedBy(CauseNodesAbsent)}, &first},
		"everywhere, and strategy kept": {&api.Flight{State: api.Stuck, Since: second, MendsSince: &first,
			Causes: causedBy(CauseStrategyKept)}, nil},
		"rolled back, and stuck too": {&api.Flight{State: api.Stuck, Since: second, RollbackOf: &api.StuckCommit{}}, nil},
	}
	for name, test := range tests {
		if got := mendsSince(test.last); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func causedBy(codes ...string) (causes []api.Cause) {
	for _, code := range codes {
		causes = append(causes, api.Cause{Code: code})
	}
	return causes
}

// A commit that is stuck by no fault of its own is not rolled back, and lets the next one go.
func TestWhatIsNoFaultOfACommitIsNotRolledBack(t *testing.T) {
	for code, back := range map[string]bool{"CrashLoop": true, "AlertsFiring": true, "SoakRestarted": true,
		CauseStrategyKept: false, CauseAlertsHold: false, CauseNodesAbsent: false,
		CauseDisruptionBudget: false, CauseEvictionForbidden: false} {
		f := &api.Flight{Commit: "c1", State: api.Stuck, Causes: causedBy(code, "CrashLoop")}
		for on, want := range map[api.OnStuck]bool{api.OnStuckRollback: back, api.OnStuckRelease: false} {
			g := &turn{gate: Gate{OnStuck: on}, s: State{InFlight: f, LastComplete: "c0"}}
			if g.rollsBack(f) != want || g.holds(f) {
				t.Errorf("%s, %s: rolled back %v, holds others %v", on, code, g.rollsBack(f), g.holds(f))
			}
		}
	}
}
