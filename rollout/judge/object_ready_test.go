package judge

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/object"
)

// What kstatus calls current and is not: an object is complete by what its controller says of this generation, and
// stuck at once only by that.
func TestObjectsThatKstatusLetsPass(t *testing.T) {
	const custom = "{apiVersion: example.com/v1, kind: Cache, metadata: {name: a, generation: 2}, status: " +
		"{observedGeneration: 2, conditions: ["
	for name, test := range map[string]struct {
		object  string
		verdict rollout.Verdict
		says    string
	}{
		"Ready": {custom + "{type: Ready, status: 'True', observedGeneration: 2}]}}",
			rollout.Complete, ""},
		"Ready, not dated": {custom + "{type: Ready, status: 'True'}]}}", rollout.Complete, ""},
		"Ready before": {custom + "{type: Ready, status: 'True', observedGeneration: 1}]}}",
			rollout.Progressing, "Ready is of generation 1"},
		"Ready, reconciled before": {custom + "{type: Ready, status: 'True'}, {type: Reconciling, status: 'False', " +
			"observedGeneration: 1}]}}", rollout.Progressing, "Reconciling is of generation 1"},
		"stalled": {custom + "{type: Stalled, status: 'True', reason: Bad, message: no quota, " +
			"observedGeneration: 2}]}}", rollout.Stuck, "no quota"},
		"stalled before": {custom + "{type: Stalled, status: 'True', reason: Bad, message: no quota, " +
			"observedGeneration: 1}]}}", rollout.Progressing, "Stalled is of generation 1"},
		"a Pod that runs": {"{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Running, " +
			"conditions: [{type: Ready, status: 'True'}]}}", rollout.Complete, ""},
		"a Pod that has done": {"{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Succeeded}}",
			rollout.Complete, ""},
		"a Pod that has failed": {"{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Failed}}",
			rollout.Stuck, "the pod has failed"},
		"a Pod that was turned out": {"{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Failed, " +
			"reason: Evicted, message: low on memory}}", rollout.Stuck, "Evicted: low on memory"},
		"a Job that has started": {"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {startTime: " +
			"'2026-11-24T10:00:00Z', active: 1}}", rollout.Progressing, ""},
		"a Job that is suspended": {"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {suspend: " +
			"true}, status: {startTime: '2026-11-24T10:00:00Z', conditions: [{type: Suspended, status: 'True'}]}}",
			rollout.Progressing, "it is suspended"},
		"an unavailable APIService": {"{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: " +
			"a}, status: {conditions: [{type: Available, status: 'False', message: no endpoints}]}}",
			rollout.Progressing, "no endpoints"},
		"an APIService without word": {"{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: a}}",
			rollout.Progressing, "no condition Available"},
	} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(test.object), &o.Object); err != nil {
			t.Fatal(err)
		}
		integers(o.Object)
		now := time.Date(2026, 11, 24, 10, 0, 1, 0, time.UTC)
		j, _ := object.Judge(object.Look{Now: now, Live: o}, rollout.Target{Kind: o.GetKind(), Name: "a",
			AppliedAt: now.Add(-time.Second)}, rollout.Memory{}, rollout.Options{})
		message := ""
		if len(j.Causes) > 0 {
			message = j.Causes[0].Message
		}
		if j.Verdict != test.verdict || !strings.Contains(message, test.says) {
			t.Errorf("%s: %s: %s", name, j.Verdict, message)
		}
	}
}
