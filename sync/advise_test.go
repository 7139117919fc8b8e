package sync

import (
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What its writer may not have meant is told once for a spec.
func TestAWarningIsToldOnceForASpec(t *testing.T) {
	told := &warned{}
	l := &syncLoop{placed: placed{Controller: &Controller{Connect: noCluster{}, Teller: told}}, sync: &api.Sync{}}
	l.sync.Generation, l.sync.Spec.Source.Schedule = 1, "0 2 1-7 * 1"
	l.advise()
	l.advise()
	l.sync.Generation = 2
	l.advise()
	if told.times != 2 {
		t.Errorf("told %d times of two specs", told.times)
	}
}

// warned counts warnings.
type warned struct{ times int }

func (w *warned) Tell(_ *api.Sync, n News) {
	if n.Kind == NewsWarning {
		w.times++
	}
}
