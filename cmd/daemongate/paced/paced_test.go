package paced

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
)

var hash = strings.Repeat("b", 40)

// world is a cluster with one Sync.
type world struct {
	t     *testing.T
	syncs *sync.Syncs
}

func newWorld(t *testing.T, change func(*api.Sync)) *world {
	t.Helper()
	s := &api.Sync{TypeMeta: metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: api.Kind.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Spec.Rollout.OnDelete = api.OnDeletePace
	s.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 3, Approve: true}}}
	s.Status.InFlight = &api.Flight{Commit: hash, State: api.RollingOut, Stage: &api.FlightStage{Name: "canary", Index: 1, Of: 2,
		Nodes: 3, Settled: 3, WaitsFor: api.StageApproval}}
	change(s)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s)
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{api.Resource: "SyncList"}, &unstructured.Unstructured{Object: content})
	return &world{t, sync.NewSyncs(client)}
}

func (w *world) run(args ...string) (said string, err error) {
	r := Reach{AddFlags: func(*pflag.FlagSet) {}, User: func(context.Context) string { return "ada" },
		Sync: func(ctx context.Context, name string) (*api.Sync, *sync.Syncs, error) {
			s, err := w.syncs.Get(ctx, "platform", name)
			return s, w.syncs, err
		}}
	c := &cobra.Command{SilenceErrors: true, SilenceUsage: true}
	c.AddCommand(NewPromote(r, cobra.ExactArgs(1)), NewPause(r, cobra.ExactArgs(1)))
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs(args)
	err = c.ExecuteContext(w.t.Context())
	return out.String(), err
}

func (w *world) annotations() map[string]string {
	s, err := w.syncs.Get(w.t.Context(), "platform", "agents")
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Annotations
}

// Where a stage waits for a person, promote is their word on this stage of this commit, and the answer names both. Where
// none does, nothing is written, and the answer says what there is instead.
func TestPromoteIsForTheStageThatWaits(t *testing.T) {
	w := newWorld(t, func(*api.Sync) {})
	said, err := w.run("promote", "agents")
	if err != nil || said != "promoted bbbbbbb: it goes on after stage 1 of 2 (canary)\n" {
		t.Errorf("%q %v", said, err)
	}
	word, at, _ := strings.Cut(w.annotations()[pacing.PromoteAnnotation], " 1 ")
	if _, err := time.Parse(time.RFC3339Nano, at); word != hash || err != nil {
		t.Errorf("written: %q", w.annotations())
	}
	until := metav1.NewMicroTime(time.Date(2026, 11, 30, 12, 30, 0, 0, time.UTC))
	for want, change := range map[string]func(*api.Sync){
		"its rollouts are not paced (spec.rollout.pace)": func(s *api.Sync) { s.Spec.Rollout.Pace = nil },
		"no commit is in flight":                         func(s *api.Sync) { s.Status.InFlight = nil },
		"bbbbbbb is Complete: no stage of it waits":      func(s *api.Sync) { s.Status.InFlight.State = api.Complete },
		"has not reached a stage yet":                    func(s *api.Sync) { s.Status.InFlight.Stage = nil },
		"stage 1 of 2 (canary) of bbbbbbb is approved already": func(s *api.Sync) {
			s.Status.InFlight.Stage.Approved = true
		},
		"it still rolls out, 1 of 3 nodes settled": func(s *api.Sync) {
			s.Status.InFlight.Stage.WaitsFor, s.Status.InFlight.Stage.Settled = api.StageNodes, 1
		},
		"it still soaks, until 2026-11-30 12:30:00Z": func(s *api.Sync) {
			s.Status.InFlight.Stage.WaitsFor, s.Status.InFlight.Stage.Until = api.StageSoak, &until
		},
		"does not wait for an approval yet: paused by bob": func(s *api.Sync) {
			s.Status.InFlight.Stage.WaitsFor, s.Status.InFlight.Stage.Message = api.StagePaused, "paused by bob"
		},
	} {
		w := newWorld(t, change)
		said, err := w.run("promote", "agents")
		if err == nil || !strings.HasPrefix(err.Error(), "Sync platform/agents: ") || !strings.Contains(err.Error(), want) ||
			said != "" || len(w.annotations()) > 0 {
			t.Errorf("%q %v, not %q; written: %v", said, err, want, w.annotations())
		}
	}
}

// With a stage's name nothing is promoted where another one waits: the answer names that.
func TestPromoteMayNameItsStage(t *testing.T) {
	w := newWorld(t, func(*api.Sync) {})
	said, err := w.run("promote", "agents", "--stage", "zone/eu-1a")
	if err == nil || !strings.Contains(err.Error(), `stage 1 of 2 (canary) that waits for an approval, and no stage called `+
		`"zone/eu-1a"`) || said != "" || len(w.annotations()) > 0 {
		t.Errorf("%q %v; written: %v", said, err, w.annotations())
	}
	if said, err = w.run("promote", "agents", "--stage", "canary"); err != nil || !strings.HasPrefix(said, "promoted bbbbbbb") ||
		w.annotations()[pacing.PromoteAnnotation] == "" {
		t.Errorf("%q %v", said, err)
	}
	w = newWorld(t, func(s *api.Sync) { s.Status.InFlight.Stage.WaitsFor = api.StageNodes })
	if said, err = w.run("promote", "agents", "--stage", "canary"); err == nil || len(w.annotations()) > 0 {
		t.Errorf("%q %v", said, err)
	}
}

// A pause says who, since when and why. One that is there is not taken over by another person without a reason.
func TestPauseIsAPersonsWord(t *testing.T) {
	w := newWorld(t, func(*api.Sync) {})
	said, err := w.run("pause", "agents", "--reason", " latency rises ")
	if err != nil || !strings.HasPrefix(said, "Sync platform/agents paused: ") || !strings.Contains(said, "`daemongate resume agents -n platform`") {
		t.Errorf("%q %v", said, err)
	}
	s, _ := w.syncs.Get(t.Context(), "platform", "agents")
	first := pacing.PauseOf(s)
	if first == nil || first.By != "ada" || first.Reason != "latency rises" || first.At.IsZero() {
		t.Errorf("%+v", first)
	}
	said, err = w.run("pause", "agents")
	if err != nil || !strings.Contains(said, "was paused already: paused by ada since ") || !strings.Contains(said, "latency rises") {
		t.Errorf("%q %v", said, err)
	}
	if _, err := w.run("pause", "agents", "--reason", "the disks are full"); err != nil {
		t.Error(err)
	}
	if s, _ = w.syncs.Get(t.Context(), "platform", "agents"); pacing.PauseOf(s).Reason != "the disks are full" {
		t.Errorf("%+v", pacing.PauseOf(s))
	}
	for range 2 { // lifting it twice is no change
		if _, err := w.syncs.Unpause(t.Context(), "platform", "agents"); err != nil {
			t.Error(err)
		}
	}
}

// What is not paced is not paused: Kubernetes replaces its pods, and the answer says what there is instead.
func TestWhatIsNotPacedIsNotPaused(t *testing.T) {
	w := newWorld(t, func(s *api.Sync) { s.Spec.Rollout.Pace = nil })
	if _, err := w.run("pause", "agents"); err == nil || !strings.Contains(err.Error(), "daemongate suspend agents") ||
		len(w.annotations()) > 0 {
		t.Errorf("%v; written: %v", err, w.annotations())
	}
}
