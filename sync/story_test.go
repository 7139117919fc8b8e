package sync

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A commit that the cluster refuses is Failed and leaves nothing behind, also of the objects that are fine; the
// next one that can be applied carries what waited (law 3).
func TestRefusedCommitLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := w.push("bad", map[string]string{"config.yaml": configMap("fine", "1"), "agent.yaml": agent("v1") +
		"      noSuchField: true\n"})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	r := w.waitFor(bad, api.Failed)
	if _, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "fine", metav1.GetOptions{}); err == nil {
		t.Errorf("half of a refused commit was applied; it says %q", r.Message.Private)
	}
	good := w.push("good", map[string]string{"agent.yaml": agent("v1")})
	w.waitFor(good, api.Complete)
	w.told(bad, "error")
	w.told(good, "success")
}

// Law 12: when nothing happens, the API server is asked nothing and told nothing; only watches are open. Told beside no
// other story: what a busy machine delays would count as a request too many.
func TestSteadyStateIsSilent(t *testing.T) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	var requests atomic.Int32
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") == "" {
				requests.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	w.controller(config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.told(v1, "success")
	// What the end of the rollout had to write has been written when the outbox says that the host was told.
	w.wait("the outbox", func(api.SyncStatus) bool {
		m, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "agents-outbox", metav1.GetOptions{})
		return err == nil && strings.Contains(m.Data["outbox.json"], `"sent":true`)
	})
	before := w.rests(&requests)
	// Several polls pass, and the pause after which mere progress is written.
	time.Sleep(progressPause + 2*time.Second)
	if n := requests.Load() - before; n > 0 {
		t.Errorf("%d requests while nothing happened", n)
	}
}

// Law 7: a set that renders to nearly nothing prunes only after a person has released it.
func TestLargePruneWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1"),
		"c.yaml": configMap("c", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	v2 := w.push("v2", map[string]string{"b.yaml": "", "c.yaml": ""})
	w.wait("v2 to be Complete", func(s api.SyncStatus) bool { return s.LastComplete == v2 })
	readme := w.push("readme", map[string]string{"README.md": "nothing to render"})
	w.waitFor(readme, api.Unchanged)
	if s := w.status(); len(s.Inventory) != 3 || s.InFlight.Pruned {
		t.Fatalf("pruned without a person's word: %v", s.Inventory)
	}
	w.check(w.syncs.Release(t.Context(), w.namespace, "agents", v2, time.Now()))
	w.wait("the prune", func(s api.SyncStatus) bool { return len(s.Inventory) == 1 && s.InFlight.Pruned })
}

// A changed path makes the head a candidate again; what the old path asked for is pruned.
func TestChangedPathIsASetOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(mkdir(w.work, "one", "two"))
	v1 := w.push("v1", map[string]string{"one/a.yaml": configMap("a", "1"), "one/same.yaml": configMap("same", "1"),
		"two/b.yaml": configMap("b", "1"), "two/same.yaml": configMap("same", "1")})
	w.create(func(s *api.SyncSpec) { s.Source.Path = "one" })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	patch := []byte(`{"spec":{"source":{"path":"two"}}}`)
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
		"application/merge-patch+json", patch, metav1.PatchOptions{})
	w.check(err)
	w.wait("the other path", func(s api.SyncStatus) bool {
		return s.InFlight.Generation == 2 && s.InFlight.Pruned && len(s.Inventory) == 2 && s.Inventory[0].Name == "b"
	})
}

// suspend stops polls; a change of the Sync resumes them.
func TestSuspendStopsPolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.Suspend = true })
	w.controller(shared.Config, t.TempDir())
	w.wait("it to be suspended", func(s api.SyncStatus) bool {
		return meta.IsStatusConditionTrue(s.Conditions, api.ConditionSuspended)
	})
	time.Sleep(2 * time.Second) // in which it would be polled twice
	if s := w.status(); s.Head != "" {
		t.Errorf("polled while suspended: %s", s.Head)
	}
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
		"application/merge-patch+json",
		[]byte(`{"spec":{"suspend":false}}`), metav1.PatchOptions{})
	w.check(err)
	w.waitFor(v1, api.Complete)
	if s := w.status(); !meta.IsStatusConditionFalse(s.Conditions, api.ConditionSuspended) {
		t.Errorf("resumed, and it says %+v", s.Conditions)
	}
}

// braked checks whether the brake is pulled.
func (w *world) braked(pulled bool) {
	w.t.Helper()
	if got := w.isBraked(); got != pulled {
		w.t.Errorf("brake pulled: %v, want %v", got, pulled)
	}
}

func (w *world) isBraked() bool {
	w.t.Helper()
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	return d.Spec.UpdateStrategy.Type == "OnDelete" && d.Annotations[manifests.BrakeAnnotation] != ""
}

// A Sync that is pointed at another repository follows that one's history, and tells that one.
func TestAnotherRepositoryIsAnotherHistory(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	moved := other.push("moved", map[string]string{"a.yaml": configMap("a", "2")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	patch := []byte(`{"spec":{"source":{"url":"` + other.url + `"}}}`)
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
		"application/merge-patch+json", patch, metav1.PatchOptions{})
	w.check(err)
	w.waitFor(moved, api.Complete)
	w.wait("the note in the other repository", func(api.SyncStatus) bool {
		return strings.Contains(other.note(moved),
			"success")
	})
}

// Law 9, live: outside a window no commit starts; a person's word lets the head start and is in the history; without
// windows the next one starts.
func TestWindowsHoldCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.Windows = []api.Window{deny("* * * * *", "Europe/London", time.Hour)} })
	w.controller(shared.Config, t.TempDir())
	if r := w.waitFor(v1, api.Held); r.Message.Private != "denied by spec.windows[0]; none opens within a year" {
		t.Errorf("held: %q", r.Message.Private)
	}
	at := metav1.NewTime(time.Now().UTC().Truncate(time.Second))
	w.check(w.syncs.Override(t.Context(), w.namespace, "agents", api.Override{Commit: v1, Reason: "it burns", By: "ada",
		At: at}))
	if r := w.waitFor(v1, api.Complete); r.Override == nil || r.Override.Reason != "it burns" ||
		r.Override.By != "ada" {
		t.Errorf("the history does not say why it started: %+v", r)
	}
	v2 := w.push("v2", map[string]string{"a.yaml": configMap("a", "2")})
	w.waitFor(v2, api.Held)
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
		"application/merge-patch+json",
		[]byte(`{"spec":{"windows":null}}`), metav1.PatchOptions{})
	w.check(err)
	w.waitFor(v2, api.Complete)
}

// A Sync with a schedule polls at its times alone; a person may ask for a poll between them.
func TestScheduleInsteadOfInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) {
		s.Source.Schedule, s.Source.Interval = "0 0 1 1 *", metav1.Duration{} // which is the default
	})
	w.controller(shared.Config, t.TempDir())
	w.wait("the schedule to be seen", func(s api.SyncStatus) bool {
		return s.Schedule != nil &&
			s.Schedule.Next != nil
	})
	if s := w.status(); s.Head != "" {
		t.Errorf("polled out of time: %s", s.Head)
	}
	w.check(w.syncs.Request(t.Context(), w.namespace, "agents", time.Now()))
	w.waitFor(v1, api.Complete)
	w.patch(`{"spec":{"source":{"schedule":"0 0 30 2 *"}}}`)
	w.wait("the schedule to be refused", func(s api.SyncStatus) bool {
		c := meta.FindStatusCondition(s.Conditions, api.ConditionSource)
		return c != nil && c.Status == metav1.ConditionFalse && strings.HasPrefix(c.Message, "spec.source.schedule:")
	})
}
