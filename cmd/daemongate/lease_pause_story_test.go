package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A controller that is told to stop, as a Deployment tells it, lets the Lease go: the other one goes on with the same
// rollout at once, although the Lease would have lasted for ten minutes, and applies nothing a second time.
func TestAStoppedControllerHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	w := newLeaseWorldOn(t, shared.Start(t), "handed-over")
	first, second := w.pair("10m")
	v1 := w.pushNeeding("v1", "go")
	w.waitState(v1, api.RollingOut)

	check(t, first.process.Signal(syscall.SIGTERM))
	if err := <-first.ended; err != nil {
		t.Errorf("who was asked to stop ended with %v", err)
	}
	second.waitSays(t, 2*time.Minute, fmt.Sprintf("process %d on %s let it go", first.process.Pid, hostname(t)))
	w.make("go")
	w.waitState(v1, api.Complete)
	w.hasGeneration(1)
}

// A controller stands still in the middle of a rollout for longer than its Lease lasts. The other one ends that rollout
// and brings the next commit. When the first one wakes up, it writes nothing: neither what it was about to say of the
// rollout, nor the commit that it believes to be in flight. It ends, and says who holds the Lease.
func TestAControllerThatWakesUpWritesNothing(t *testing.T) {
	t.Parallel()
	w := newLeaseWorldOn(t, shared.Start(t), "paused")
	between := w.watched()
	first, second := w.pairVia(between.kubeconfig, "15s")
	w.waitState(w.push("v1"), api.Complete)
	v2 := w.pushNeeding("v2", "go")
	w.waitState(v2, api.RollingOut)
	between.waitQuiet(t)

	check(t, first.process.Signal(syscall.SIGSTOP))
	defer func() { _ = first.process.Signal(syscall.SIGCONT) }() // so that it can be ended
	second.waitSays(t, 2*time.Minute, fmt.Sprintf("process %d on %s has not renewed it for 15s", first.process.Pid,
		hostname(t)))
	w.make("go")
	w.waitState(v2, api.Complete)
	v3 := w.push("v3")
	w.waitState(v3, api.Complete)

	before := between.changes() // with what was on its way when it was stopped
	check(t, first.process.Signal(syscall.SIGCONT))
	if err := <-first.ended; err == nil {
		t.Error("who lost the Lease ended well")
	}
	// By its own clock, or because it saw who holds it now: whichever comes first.
	first.waitSays(t, time.Minute, "lost the Lease daemongate-system/paused: ")
	if late := between.changes()[len(before):]; len(late) > 0 {
		t.Errorf("who woke up wrote: %q", late)
	}
	w.waitState(v3, api.Complete)
	w.hasGeneration(3)
}

// pair are two controllers of the world's Sync, of which the first one leads.
func (w *leaseWorld) pair(lease string) (first, second *member) {
	w.t.Helper()
	return w.pairVia(w.cluster.Kubeconfig, lease)
}

// pairVia is pair with another way to the API server for the first one.
func (w *leaseWorld) pairVia(kubeconfig, lease string) (first, second *member) {
	w.t.Helper()
	args := []string{"--lease-name", w.namespace, "--lease-duration", lease, "--namespace", w.namespace, "--kubeconfig"}
	first = w.run("first", append([]string{"-f", filepath.Join(w.dir, "sync.yaml")}, append(args[:4:4], "--kubeconfig",
		kubeconfig)...)...)
	w.waitLeads(first)
	second = w.run("second", append(args, w.cluster.Kubeconfig)...)
	second.waitSays(w.t, time.Minute, fmt.Sprintf("waiting: process %d on", first.process.Pid))
	return first, second
}

// waitLeads waits until a controller holds the world's Lease.
func (w *leaseWorld) waitLeads(m *member) {
	w.t.Helper()
	clustertest.Until(w.t, time.Minute, "the Lease to be held", func() (string, bool) {
		l, err := w.kube.CoordinationV1().Leases("daemongate-system").Get(w.t.Context(), w.namespace, metav1.GetOptions{})
		if err != nil || l.Spec.HolderIdentity == nil {
			return fmt.Sprint(err), false
		}
		return *l.Spec.HolderIdentity, strings.Contains(*l.Spec.HolderIdentity, fmt.Sprintf("_%d_", m.process.Pid))
	})
}

// make makes a ConfigMap that agents wait for.
func (w *leaseWorld) make(configMap string) {
	w.t.Helper()
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Create(w.t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: configMap}}, metav1.CreateOptions{})
	check(w.t, err)
}

// hasGeneration holds how often the DaemonSet was changed.
func (w *leaseWorld) hasGeneration(want int64) {
	w.t.Helper()
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
	check(w.t, err)
	if d.Generation != want {
		w.t.Errorf("the DaemonSet has generation %d, want %d", d.Generation, want)
	}
}

// waitQuiet waits until nothing has been written for some seconds. A write that was allowed a moment before its process
// stands still comes when that wakes up: the Lease does not go with it to the API server, and nobody can call it back.
func (b *between) waitQuiet(t *testing.T) {
	t.Helper()
	most, since := 0, time.Now()
	clustertest.Until(t, 5*time.Minute, "nothing more to be written", func() (string, bool) {
		if all := b.changes(); len(all) != most {
			most, since = len(all), time.Now()
		}
		return fmt.Sprint(most, " writes"), time.Since(since) > 5*time.Second
	})
}

// changes are the writes but those of the Lease: who has lost it may find that out by a write that is refused.
func (b *between) changes() (all []string) {
	for _, w := range b.written() {
		if !strings.Contains(w, "/leases") {
			all = append(all, w)
		}
	}
	return all
}
