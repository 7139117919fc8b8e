package object

import (
	"cmp"
	"fmt"
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// objectState is what an object says of itself: that it is ready, or why not. Final is what its controller has given
// up.
type objectState struct {
	ready, final bool
	code         rollout.Code
	message      string
	said         time.Time // when it gave up, where that may be older than what it has seen; zero if not
}

// readiness is what kstatus (cli-utils v0.37.2) reads off an object, with some exceptions. kstatus lets a Job pass that
// has only started, also one that is suspended since: here it must be complete. It lets a Pod pass that has failed:
// here that is final. It knows nothing of an APIService: here that must be Available. Of an object whose kind it does
// not know it takes silence for consent, before any controller has seen it, and conditions of an earlier generation for
// those of the present one: here a controller must have said something, about this generation.
func readiness(o *unstructured.Unstructured) objectState {
	result, err := status.Compute(o)
	if err != nil {
		return objectState{code: rollout.NotReady, message: "its status cannot be read: " + err.Error()}
	}
	if old := outdated(o); old != "" {
		return objectState{code: rollout.NotReady, message: old}
	}
	if isKind(o, "", "Pod") && phaseOf(o) == string(corev1.PodFailed) {
		return objectState{code: rollout.NotReady, final: true, message: failedPod(o)}
	}
	if result.Status == status.FailedStatus {
		return failure(o, result)
	}
	state := objectState{ready: result.Status == status.CurrentStatus, code: rollout.NotReady, message: result.Message}
	switch {
	case isJob(o):
		if state.ready = isTrue(o, "Complete"); !state.ready && isTrue(o, "Suspended") {
			state.message = "it is suspended: resume it, or set spec.suspend to false in Git"
		}
	case isKind(o, "apiregistration.k8s.io", "APIService"):
		state.ready, state.message = isTrue(o, "Available"), saidOf(o, "Available")
	case isKind(o, "apiextensions.k8s.io", "CustomResourceDefinition"):
		state.code = rollout.NotEstablished
	case isKind(o, "apps", "StatefulSet"):
		return available(o, state)
	case state.ready && status.GetLegacyConditionsFn(o) == nil:
		return spoken(o, state)
	}
	return state
}

// failure is what an object's own controller has given up, in its own words.
func failure(o *unstructured.Unstructured, result *status.Result) objectState {
	state := objectState{final: true, code: rollout.NotReady, message: result.Message}
	switch {
	case isKind(o, "apps", "Deployment"):
		state.code, state.message = rollout.ProgressDeadlineExceeded, saidOf(o, "Progressing")
		state.said = updatedAt(o, "Progressing")
	case isJob(o):
		state.code, state.message = rollout.JobFailed, saidOf(o, "Failed")
	case isKind(o, "apiextensions.k8s.io", "CustomResourceDefinition"):
		state.code = rollout.NotEstablished
	}
	return state
}

// outdated says which of the conditions that kstatus goes by for any kind speaks of an earlier generation of the
// object; empty if none does. Kinds of Kubernetes itself do not date their conditions.
func outdated(o *unstructured.Unstructured) string {
	for _, name := range []string{"Ready", "Reconciling", "Stalled"} {
		c, found := manifests.ConditionOf(o, name)
		of, dated, _ := unstructured.NestedInt64(c, "observedGeneration")
		if found && dated && of < o.GetGeneration() {
			return fmt.Sprintf("its condition %s is of generation %d, this commit is generation %d", name, of,
				o.GetGeneration())
		}
	}
	return ""
}

// failedPod is what a pod says that has failed for good.
func failedPod(o *unstructured.Unstructured) string {
	reason, _, _ := unstructured.NestedString(o.Object, "status", "reason")
	message, _, _ := unstructured.NestedString(o.Object, "status", "message")
	text := "the pod has failed"
	for _, more := range []string{reason, message} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

func phaseOf(o *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	return phase
}

// spoken is the state of an object of a kind that kstatus does not know: ready if a controller says so, by a condition
// Ready or by the generation that it has observed.
func spoken(o *unstructured.Unstructured, state objectState) objectState {
	_, found := manifests.ConditionOf(o, "Ready")
	if _, observed := observedGeneration(o); !found && !observed {
		state.ready, state.message = false, "its status has neither a condition Ready nor an observedGeneration"
	}
	return state
}

// available is the state of a StatefulSet, of which kstatus takes a pod that is Ready for one that has been so for
// minReadySeconds.
func available(o *unstructured.Unstructured, state objectState) objectState {
	if n := counter(o, "availableReplicas"); state.ready && n < wanted(o) {
		state.ready, state.message = false, fmt.Sprintf("Available: %d/%d", n, wanted(o))
	}
	return state
}

// wanted is how many pods an object asks for: as many as may be where it does not say.
func wanted(o *unstructured.Unstructured) int {
	n, found, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	switch {
	case found:
		return int(n)
	case isKind(o, "apps", "Deployment"), isKind(o, "apps", "StatefulSet"):
		return 1
	}
	return math.MaxInt32
}

// progress is how far an object says it has come, a number that only has to rise as it goes on. More pods than are
// asked for are none.
func progress(o *unstructured.Unstructured) int {
	sum, most := 0, wanted(o)
	for _, field := range []string{"updatedReplicas", "availableReplicas", "succeeded"} {
		sum += min(counter(o, field), most)
	}
	return sum
}

// oldPods is how many pods of an older template a workload says are left, also those that are going.
func oldPods(o *unstructured.Unstructured) int {
	if !isKind(o, "apps", "Deployment") && !isKind(o, "apps", "StatefulSet") {
		return 0
	}
	return max(0, counter(o, "replicas")-counter(o, "updatedReplicas")) + counter(o, "terminatingReplicas")
}

func counter(o *unstructured.Unstructured, field string) int {
	n, _, _ := unstructured.NestedInt64(o.Object, "status", field)
	return int(n)
}

// objectAllowance is how long a pod of its template may take to go and to come, on top of the progress deadline.
func objectAllowance(o *unstructured.Unstructured) time.Duration {
	var like appsv1.DaemonSet // has the fields that count where Deployments, StatefulSets and Jobs have them
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	template := map[string]any{"spec": map[string]any{"template": spec["template"],
		"minReadySeconds": spec["minReadySeconds"]}}
	if spec["template"] == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(template, &like) != nil {
		return 0 // a custom resource means something else by it
	}
	return fact.Allowance(&like)
}

func observedGeneration(o *unstructured.Unstructured) (int64, bool) {
	n, found, err := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return n, found && err == nil
}

func isJob(o *unstructured.Unstructured) bool { return isKind(o, "batch", "Job") }

func isKind(o *unstructured.Unstructured, group, kind string) bool {
	gvk := o.GroupVersionKind()
	return gvk.Group == group && gvk.Kind == kind
}

func isTrue(o *unstructured.Unstructured, condition string) bool {
	c, _ := manifests.ConditionOf(o, condition)
	return c["status"] == "True"
}

// saidOf is what a condition says in words.
func saidOf(o *unstructured.Unstructured, condition string) string {
	c, found := manifests.ConditionOf(o, condition)
	if !found {
		return "it has no condition " + condition + " yet"
	}
	reason, _ := c["reason"].(string)
	message, _ := c["message"].(string)
	if reason != "" && message != "" {
		return reason + ": " + message
	}
	return cmp.Or(message, reason, fmt.Sprintf("its condition %s is %v", condition, c["status"]))
}

// updatedAt is when a condition was last written with another reason; zero if it does not say.
func updatedAt(o *unstructured.Unstructured, condition string) time.Time {
	c, _ := manifests.ConditionOf(o, condition)
	text, _ := c["lastUpdateTime"].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
