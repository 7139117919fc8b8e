package manifests

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// watched starts to watch an applied set and returns what waits for some of its objects to be touched.
func (w *world) watched(s Set, done []Applied) (*Watch, Known, func(what string, kinds ...string)) {
	w.t.Helper()
	watch := w.client.Watch(w.opts.Owner, func() {})
	w.t.Cleanup(watch.Stop)
	if err := watch.Follow(w.ctx, Recorded(done)); err != nil {
		w.t.Fatal(err)
	}
	known := Known{}
	for _, a := range done {
		known[a.ID] = VersionOf(a.Object)
	}
	return watch, known, func(what string, kinds ...string) {
		w.t.Helper()
		want := strings.Join(kinds, " ")
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			touched := watch.Touched(Recorded(done), known)
			var got []string
			for _, id := range s.IDs() {
				if _, ok := touched[id]; ok {
					got = append(got, id.Kind)
				}
			}
			if strings.Join(got, " ") == want {
				return
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("%s: touched %v, want %v", what, got, kinds)
			}
		}
	}
}

// What may be drift is seen without a read: a change of what is asked for, also of kinds without a generation, a
// removed label, a deletion. Our own apply is none, and neither is a status.
func TestWatchSeesWhatOthersTouch(t *testing.T) {
	w := newWorld(t)
	s := w.set(agent)
	done := w.apply(s)
	watch, known, touched := w.watched(s, done)
	touched("nothing has happened")
	_, err := w.kube.AppsV1().DaemonSets(w.ns).Patch(w.ctx, "agent", "application/merge-patch+json", []byte(`{"status":{"numberReady":7}}`), metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	w.by("kubectl-edit", w.id("ConfigMap", "agent"), `{"data":{"level":"debug"}}`)
	touched("after an edit of the ConfigMap and a status of the DaemonSet", "ConfigMap")
	w.by("kubectl-set", w.id("DaemonSet", "agent"), `{"spec":{"minReadySeconds":3}}`)
	touched("after an edit of the DaemonSet", "ConfigMap", "DaemonSet")
	w.opts.Correct = true
	for _, a := range w.apply(s) {
		known[a.ID] = VersionOf(a.Object)
	}
	touched("after our own apply")
	w.by("person", w.id("ConfigMap", "agent"), `{"metadata":{"labels":{"daemongate.io/sync":null}}}`)
	if err := w.kube.CoreV1().ServiceAccounts(w.ns).Delete(w.ctx, "agent", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	touched("after a deletion and without the label", "ServiceAccount", "ConfigMap")
	if err := watch.Trouble(); err != nil {
		t.Error(err)
	}
}

// A writer that may not watch says so, and asks no more.
func TestWatchThatIsForbiddenEnds(t *testing.T) {
	w := newWorld(t)
	done := w.apply(w.set(agent))
	config := rest.CopyConfig(w.config)
	config.Impersonate.UserName = "nobody"
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	watch := client.Watch(w.opts.Owner, func() {})
	if err := watch.Follow(w.ctx, Recorded(done)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); watch.Trouble() == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no trouble is told")
		}
	}
	if n := len(watch.Touched(Recorded(done), Known{})); n > 0 {
		t.Errorf("%d objects touched that cannot be seen", n)
	}
	watch.Stop()
}
