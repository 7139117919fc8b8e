package judge

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/rollout/object"
)

// A completed DaemonSet ails when more nodes have no available pod than the budget and those spared account for;
// another object when it is no longer ready; nothing while its controller has not seen it, or once it is done or going.
func TestWhatAils(t *testing.T) {
	const daemonSet = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 2}, status: " +
		"{observedGeneration: 2, desiredNumberScheduled: 100, numberUnavailable: "
	for name, test := range map[string]struct {
		object, budget string
		spared         int
		says           string
	}{
		"all well":          {daemonSet + "0}}", "1%", 0, ""},
		"within the budget": {daemonSet + "1}}", "", 0, ""},
		"above it":          {daemonSet + "2}}", "", 0, "2 of 100 nodes have no available pod"},
		"no budget":         {daemonSet + "1}}", "0", 0, "1 of 100 nodes have no available pod"},
		"as it completed":   {daemonSet + "3}}", "1%", 2, ""},
		"worse than that":   {daemonSet + "4}}", "1%", 2, "4 of 100 nodes have no available pod"},
		"not observed": {"{apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 3}, status: " +
			"{observedGeneration: 2, desiredNumberScheduled: 9, numberUnavailable: 9}}", "0", 0, ""},
		"going": {"{apiVersion: apps/v1, kind: DaemonSet, metadata: {deletionTimestamp: " +
			"'2026-11-24T10:00:00Z'}, status: {desiredNumberScheduled: 9, numberUnavailable: 9}}", "0", 0, ""},
		"a Job": {"{apiVersion: batch/v1, kind: Job, status: {conditions: [{type: Failed, status: " +
			"'True'}]}}", "0", 0, ""},
		"a definition": {"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: " +
			"{conditions: [{type: Established, status: 'True'}]}}", "0", 0, ""},
		"an APIService": {"{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: " +
			"[{type: Available, status: 'False', reason: MissingEndpoints, message: no endpoints}]}}", "0", 0,
			"MissingEndpoints: no endpoints"},
		"an APIService that is:": {"{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: " +
			"[{type: Available, status: 'True'}]}}", "0", 0, ""},
	} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(test.object), &o.Object); err != nil {
			t.Fatal(err)
		}
		integers(o.Object)
		var budget intstr.IntOrString
		if test.budget != "" {
			budget = intstr.FromString(test.budget)
		}
		if says := object.Ails(o, budget, test.spared); says != test.says {
			t.Errorf("%s: %q", name, says)
		}
	}
	if says := object.Ails(nil, intstr.FromInt32(0), 0); says != "" {
		t.Errorf("of nothing it says %q", says)
	}
}
