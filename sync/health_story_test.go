package sync

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Law 6, on a cluster: an agent whose pods go away after Complete and find no node that is well is told by a condition
// and an Event, and the commit stays a success.
func TestACompleteCommitIsLookedAfter(t *testing.T) {
	t.Parallel() // it mostly waits
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	w.process()
	w.waitFor(v1, api.Complete)

	allow := w.limit(corev1.ResourcePods, "0")
	w.check(w.kube.CoreV1().Pods(w.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{}))
	s := w.wait("the condition Healthy", func(s api.SyncStatus) bool {
		return meta.IsStatusConditionFalse(s.Conditions,
			api.ConditionHealthy)
	})
	if c := meta.FindStatusCondition(s.Conditions, api.ConditionHealthy); !strings.Contains(c.Message, "DaemonSet "+
		w.namespace+"/agent: 12 of 12 nodes") {
		t.Errorf("it says %q", c.Message)
	}
	w.until("the Event", func() bool {
		events, err := w.kube.CoreV1().Events(w.namespace).List(t.Context(),
			metav1.ListOptions{FieldSelector: "involvedObject.kind=Sync,reason=Unhealthy"})
		w.check(err)
		return len(events.Items) == 1 && strings.Contains(events.Items[0].Message, "12 of 12 nodes")
	})
	if s.Summary.State != api.Complete || s.InFlight.State != api.Complete || s.History[0].State != api.Complete {
		t.Errorf("the commit is %s, in flight %s", s.Summary.State, s.InFlight.State)
	}
	w.until("the note to say so", func() bool {
		note := w.note(v1)
		return strings.Contains(note, "success") && strings.Contains(note, `"ailing":true`)
	})
	allow()
	try := w.retried("nudged")
	w.wait("recovery", func(s api.SyncStatus) bool {
		try() // else the DaemonSet controller waits for minutes
		return meta.IsStatusConditionTrue(s.Conditions, api.ConditionHealthy)
	})
	w.until("the note to say no more", func() bool { return !strings.Contains(w.note(v1), "ailing") })
}
