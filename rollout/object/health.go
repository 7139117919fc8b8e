package object

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// Ails says in words what is not well with an object whose rollout is complete; empty if nothing is. A DaemonSet is
// judged by its own counters: more nodes are without an available pod than the failure budget and those that were let
// go before it completed, spared, account for. A Job is done, and what its own controller has not seen yet says
// nothing.
func Ails(live *unstructured.Unstructured, budget intstr.IntOrString, spared int) string {
	if live == nil || live.GetDeletionTimestamp() != nil || isJob(live) {
		return ""
	}
	if observed, is := observedGeneration(live); is && observed < live.GetGeneration() {
		return ""
	}
	if !isKind(live, "apps", "DaemonSet") {
		if state := readiness(live); !state.ready {
			return words.Clip(state.message, maxObjectHeadline)
		}
		return ""
	}
	desired, without := counter(live, "desiredNumberScheduled"), counter(live, "numberUnavailable")
	if without <= rollout.Portion(defaulted(budget), desired)+spared {
		return ""
	}
	return fmt.Sprintf("%d of %d nodes have no available pod", without, desired)
}

// defaulted is the failure budget that counts.
func defaulted(budget intstr.IntOrString) intstr.IntOrString {
	return rollout.Options{FailureBudget: budget}.WithDefaults().FailureBudget
}
