package sync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// optionsOf reads a Sync's spec as the informer does.
func optionsOf(t *testing.T, spec string) (rollout.Options, error) {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte("metadata: {namespace: platform, name: agents}\nspec:\n"+spec),
		&object); err != nil {
		t.Fatal(err)
	}
	s, err := typed(&unstructured.Unstructured{Object: object})
	if err != nil {
		return rollout.Options{}, err
	}
	return RolloutOptions(s)
}

// Every figure of a rollout can be set: budgets as numbers, written as such or as texts, or as percentages, and how
// long each cause must last.
func TestEveryFigureIsAnOption(t *testing.T) {
	o, err := optionsOf(t, `  gate: {failureBudget: 3, progressDeadline: 20m}
  rollout: {settle: 5s, probation: 30s, proof: 90s, maxRemoved: "2", maxAbsent: 10%, onDelete: Wait, brake: false, after: {ImagePull: 90s, VolumeMount: 1h30m}}`)
	if err != nil {
		t.Fatal(err)
	}
	if o.FailureBudget.String() != "3" || o.MaxRemoved.String() != "2" || o.AbsentBudget.String() != "10%" ||
		o.Settle != 5*time.Second || o.Proof != 90*time.Second || o.NoProof || o.Probation != 30*time.Second ||
		o.ProgressDeadline != 20*time.Minute || !o.WaitOnDelete || !o.NoBrake {
		t.Errorf("%+v", o)
	}
	if len(o.After) != 2 || o.After[rollout.ImagePull] != 90*time.Second ||
		o.After[rollout.VolumeMount] != 90*time.Minute {
		t.Errorf("after: %v", o.After)
	}
}

// How long is looked for relapses: as long as is said, not at all for no time, ten minutes if nothing is said.
func TestForHowLongRelapsesAreLookedFor(t *testing.T) {
	for want, said := range map[time.Duration]*metav1.Duration{10 * time.Minute: nil, 0: {},
		time.Hour: {Duration: time.Hour}} {
		if got := gateOf(&api.Sync{Spec: api.SyncSpec{Gate: api.Gate{Relapse: said}}}).Relapse; got != want {
			t.Errorf("%v: %s, want %s", said, got, want)
		}
	}
}

// A proof of nothing is none; nothing said is the default.
func TestAProofOfNothingIsNone(t *testing.T) {
	if o, err := optionsOf(t, "  rollout: {proof: 0s}"); err != nil || !o.NoProof {
		t.Errorf("0s: %+v, %v", o, err)
	}
	if o, err := optionsOf(t, "  rollout: {}"); err != nil || o.NoProof || o.Proof != 0 {
		t.Errorf("nothing said: %+v, %v", o, err)
	}
}

// What cannot be read is named, all of it at once.
func TestFiguresThatCannotBeReadAreNamed(t *testing.T) {
	_, err := optionsOf(t, `  gate: {failureBudget: most}
  rollout: {maxAbsent: 101%, after: {ImagePul: 30s, NoProgress: 5m, Sandbox: soon, Starting: 1m}}`)
	for _, said := range []string{"Sync platform/agents: ", "spec.gate.failureBudget: ", "spec.rollout.maxAbsent: ",
		"spec.rollout.after.ImagePul: no cause",
		"spec.rollout.after.NoProgress: no cause", "spec.rollout.after.Starting: no cause",
		`spec.rollout.after.Sandbox: "soon" is not a length of time`} {
		if err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("the error lacks %q: %v", said, err)
		}
	}
}
