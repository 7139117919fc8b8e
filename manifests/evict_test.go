package manifests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/manifests/rights"
)

// pod makes one that no scheduler looks at, so that nobody changes it but the test.
func (w *world) pod(name string) evict.Pod {
	w.t.Helper()
	made, err := w.kube.CoreV1().Pods(w.ns).Create(w.ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{SchedulerName: "nobody", TerminationGracePeriodSeconds: new(int64(0)),
			Containers: []corev1.Container{{Name: "agent", Image: "registry.local/agent:v1"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return evict.Pod{Namespace: w.ns, Name: name, UID: made.UID}
}

// A pod goes by eviction, and one that is gone is said to be. One that is another one than was meant stays.
func TestAPodGoesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.pod("a"), w.pod("b")
	other := b
	other.UID = a.UID
	failed := w.client.Evict(w.ctx, []evict.Pod{a, other}, w.opts)
	if failed[0] != nil || !errors.Is(failed[1], evict.ErrGone) {
		t.Fatalf("evicted: %v", failed)
	}
	if again := w.client.Evict(w.ctx, []evict.Pod{a}, w.opts); !errors.Is(again[0], evict.ErrGone) {
		t.Errorf("evicted once more: %v", again)
	}
	if p, err := w.kube.CoreV1().Pods(w.ns).Get(w.ctx, "b", metav1.GetOptions{}); err != nil || p.DeletionTimestamp != nil {
		t.Errorf("the pod that was not meant: %v, %v", p, err)
	}
}

// A pod that was to go because it was not Ready stays if it has become so: it was seen late, and its node would lose an
// agent that nobody has counted.
func TestAPodThatHasBecomeReadyStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.pod("recovered")
	p.Unready = true
	w.setReady(p.Name)
	if failed := w.client.Evict(w.ctx, []evict.Pod{p}, w.opts); !errors.Is(failed[0], evict.ErrReady) {
		t.Errorf("evicted: %v", failed)
	}
	if live, err := w.kube.CoreV1().Pods(w.ns).Get(w.ctx, p.Name, metav1.GetOptions{}); err != nil ||
		live.DeletionTimestamp != nil {
		t.Errorf("it is going: %v", err)
	}
}

// setReady has a pod run and be Ready.
func (w *world) setReady(name string) {
	w.t.Helper()
	live, err := w.kube.CoreV1().Pods(w.ns).Get(w.ctx, name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	live.Status.Phase = corev1.PodRunning
	live.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	_, err = w.kube.CoreV1().Pods(w.ns).UpdateStatus(w.ctx, live, metav1.UpdateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A PodDisruptionBudget is asked, and named when it refuses.
func TestABudgetRefusesAnEviction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.pod("held")
	w.setReady(p.Name)
	_, err := w.kube.PolicyV1().PodDisruptionBudgets(w.ns).Create(w.ctx, &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "the-budget"}, Spec: policyv1.PodDisruptionBudgetSpec{
			Selector:     &metav1.LabelSelector{MatchLabels: map[string]string{"app": "held"}},
			MinAvailable: new(intstr.FromInt32(1))}}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var refused *evict.BudgetError
	if failed := w.client.Evict(w.ctx, []evict.Pod{p}, w.opts); !errors.As(failed[0], &refused) {
		t.Errorf("evicted: %v", failed)
	} else if refused.Said == "" {
		t.Error("nothing is said of the budget")
	}
}

// Who may not evict is told what right is missing, and whose.
func TestWhoMayNotEvictIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.pod("a")
	failed := w.as("system:serviceaccount:"+w.ns+":agents").Evict(w.ctx, []evict.Pod{p}, w.opts)
	var forbidden *evict.ForbiddenError
	if !errors.As(failed[0], &forbidden) || !slices.Equal(forbidden.Lacks, rights.Evicting) {
		t.Fatalf("evicted: %v", failed)
	}
	want := "ServiceAccount " + w.ns + "/agents lacks get on pods and create on pods/eviction in namespace " + w.ns
	if said := failed[0].Error(); !strings.Contains(said, want) || !strings.Contains(said, "--resource=pods/eviction") {
		t.Errorf("it says %q", said)
	}
}
