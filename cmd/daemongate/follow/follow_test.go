package follow

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// syncAt is a Sync whose commit in flight waits for one DaemonSet.
func syncAt(commit string) *api.Sync {
	s := &api.Sync{}
	s.Status.InFlight = &api.Flight{Commit: commit, State: api.RollingOut,
		Workloads: []api.Workload{{Group: "apps", Kind: "DaemonSet", Name: "agent", UID: types.UID("1")}}}
	return s
}

// judgedAs is a follower that has come to a judgement.
type judgedAs struct{ causes []rollout.Cause }

func (judgedAs) News() <-chan struct{} { return nil }
func (judgedAs) Now() time.Time        { return time.Now() }
func (judgedAs) Stop()                 {}

func (j judgedAs) Judge(context.Context) ([]report.Judged, error) {
	return []report.Judged{{Judgement: rollout.Judgement{Causes: j.causes}}}, nil
}

// overwrittenUnless judges the live DaemonSet, which is the one of a commit, by the commit in flight that was read.
func overwrittenUnless(live string) func(*api.Sync) (Follower, error) {
	return func(s *api.Sync) (Follower, error) {
		if s.Status.InFlight.Commit == live {
			return judgedAs{}, nil
		}
		return judgedAs{[]rollout.Cause{{Code: rollout.Overwritten}}}, nil
	}
}

// told is which commit a look is about, and what is said of it.
func told(t *testing.T, s *Sync) string {
	t.Helper()
	seen, err := s.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := "nothing"
	if f := seen.Sync.Status.InFlight; f != nil {
		text = f.Commit
	}
	for _, j := range seen.Judged {
		for _, c := range j.Judgement.Causes {
			text += " " + string(c.Code)
		}
	}
	return text
}

// The next commit was applied since the Sync was read: what it asks for is not taken for an overwrite of the one before,
// whether it is rolling out by now or still being applied. An overwrite by somebody else is one.
func TestTheNextCommitIsNoOverwrite(t *testing.T) {
	late := func(context.Context) (*api.Sync, error) { return syncAt("before"), nil }
	now := func(context.Context) (*api.Sync, error) { return syncAt("next"), nil }
	applying := func(context.Context) (*api.Sync, error) {
		s := syncAt("next")
		s.Status.InFlight.State, s.Status.InFlight.Workloads = api.Applying, nil
		return s, nil
	}
	for want, s := range map[string]*Sync{
		"next":               {Read: late, Anew: now, Follow: overwrittenUnless("next")},
		"next ":              {Read: late, Anew: applying, Follow: overwrittenUnless("next")},
		"before Overwritten": {Read: late, Anew: late, Follow: overwrittenUnless("next")},
		"before":             {Read: late, Anew: now, Follow: overwrittenUnless("before")},
	} {
		if got := told(t, s); got != strings.TrimSpace(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	elsewhere := syncAt("there")
	elsewhere.Spec.Apply.KubeConfig = &api.KubeConfig{}
	if got := told(t, &Sync{Read: func(context.Context) (*api.Sync, error) { return elsewhere, nil },
		Follow: overwrittenUnless("here")}); got != "there" {
		t.Errorf("what is in another cluster is judged here: %q", got)
	}
	elsewhere.Spec.Apply.KubeConfig, elsewhere.Status.Cluster = nil, &api.ClusterStatus{UID: "a"}
	if got := told(t, &Sync{Read: func(context.Context) (*api.Sync, error) { return elsewhere, nil },
		Follow: overwrittenUnless("here")}); got != "there" {
		t.Errorf("what was written to another cluster is judged here: %q", got)
	}
	reads := []*api.Sync{syncAt("before"), syncAt("next")}
	inStep := &Sync{Follow: overwrittenUnless("next"), Read: func(context.Context) (*api.Sync, error) {
		s := reads[0]
		reads = reads[1:]
		return s, nil
	}}
	if got := told(t, inStep); got != "next" {
		t.Errorf("what is always in step is read again: %q", got)
	}
}
