package sync

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// rolling is a Sync that rolls back.
func rolling(s *api.SyncSpec) { s.Gate.OnStuck = api.OnStuckRollback }

// crashing has a DaemonSet's agents end half a second after each start. None of its pods settles before a minute has
// passed, however late a busy machine tells of the end.
func crashing(daemonSet string) string {
	return strings.NewReplacer("\nspec:\n", "\nspec:\n  minReadySeconds: 60\n", "args: []",
		"args: [crash]").Replace(daemonSet)
}

// says waits until the record of a commit in a state says something.
func (w *world) says(commit string, state api.CommitState, text string) {
	w.t.Helper()
	w.wait(fmt.Sprintf("%s to be %s: %q", api.Short(commit), state, text), func(s api.SyncStatus) bool {
		for _, r := range s.History {
			if r.Commit == commit && r.State == state && strings.Contains(r.Message.Private, text) {
				return true
			}
		}
		return false
	})
}

// Law 5: a broken commit is rolled back to the last complete one, which a force-push has taken off the server and a new
// mirror has brought along, and also across a restart. Its note says so; the complete one stays a success; what the
// broken one added is pruned, and it is not tried again.
func TestBrokenCommitIsRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.packs = 1
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1"), "keep.yaml": configMap("keep", "1")})
	w.create(rolling)
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	w.told(v1, "success")

	w.git("checkout", "-q", "--orphan", "other")
	w.git("branch", "-M", "main")
	broken := w.push("broken", map[string]string{"agent.yaml": crashing(agent("v2")), "added.yaml": configMap("added",
		"1")})
	w.says(broken, api.Stuck, "rolling back to "+api.Short(v1))
	stop()
	w.controller(shared.Config, data)
	w.says(broken, api.Stuck, "rolled back to "+api.Short(v1))
	s := w.wait("the prune", func(s api.SyncStatus) bool { return s.InFlight.Pruned && len(s.Inventory) == 2 })
	if s.InFlight.Commit != v1 || s.LastComplete != v1 || s.Passed != broken || s.Summary.State != api.Stuck ||
		s.Summary.Commit != api.Short(broken) {
		t.Errorf("in flight %s, last complete %s, passed %s; the Sync says %+v", s.InFlight.Commit, s.LastComplete,
			s.Passed, s.Summary)
	}
	if _, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "added", metav1.GetOptions{}); err == nil {
		t.Error("what the broken commit added was not pruned")
	}
	w.told(broken, "rolled back to "+api.Short(v1))
	if note := w.note(broken); !strings.Contains(note, "failure") {
		t.Errorf("the note of the broken commit is %q", note)
	}

	readme := w.push("readme", map[string]string{"README.md": "nothing to render"})
	w.says(readme, api.Unchanged, "rolled back to "+api.Short(v1))
	if image := w.image(); !strings.HasSuffix(image, ":v1") {
		t.Errorf("the broken commit was tried again: %s", image)
	}
	fix := w.push("fix", map[string]string{"agent.yaml": agent("v3")})
	w.waitFor(fix, api.Complete)
}

// Law 5: a fix that waits goes before a rollback.
func TestFixGoesBeforeARollback(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(rolling)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	// ImagePull is stuck after a while only, so that the fix is there in time.
	broken := w.push("broken", map[string]string{"agent.yaml": agent("typo")})
	w.wait("the broken commit to take off", func(s api.SyncStatus) bool { return s.InFlight.Commit == broken })
	fix := w.push("fix", map[string]string{"agent.yaml": agent("v3")})
	w.waitFor(fix, api.Complete)
	for _, r := range w.status().History {
		if strings.Contains(r.Message.Private, "roll") && strings.Contains(r.Message.Private, api.Short(v1)) {
			t.Errorf("%s: %s", api.Short(r.Commit), r.Message.Private)
		}
	}
}

// A rollback that is stuck too is said to be.
func TestRollbackThatIsStuckToo(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(rolling)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.limit(corev1.ResourcePods, "0")
	v2 := w.push("v2", map[string]string{"agent.yaml": agent("v2")})
	w.says(v2, api.Stuck, "rolling back to "+api.Short(v1))
	w.says(v2, api.Stuck, "the rollback to "+api.Short(v1)+" is stuck too")
	w.told(v2, "is stuck too")
}

// A commit that changes the selector of a DaemonSet completes with apply.recreate: Orphan, with every pod new; the
// inventory names the new one. Without the option it is Failed and says how to allow it.
func TestSelectorChangeRecreates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	labelled := strings.Replace(agent("v1"), "labels: {app: agent}", "labels: {app: agent, tier: node}", 1)
	w.push("v1", map[string]string{"agent.yaml": labelled})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	before := w.wait("v1", func(s api.SyncStatus) bool { return s.InFlight != nil && s.InFlight.Pruned })
	v2 := w.push("v2", map[string]string{"agent.yaml": strings.NewReplacer("matchLabels: {app: agent}",
		"matchLabels: {tier: node}", ":v1", ":v2").Replace(labelled)})
	if r := w.waitFor(v2, api.Failed); !strings.Contains(r.Message.Private, "spec.selector cannot change") ||
		!strings.Contains(r.Message.Private, "apply.recreate: Orphan") {
		t.Errorf("without the option it says %q", r.Message.Private)
	}
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
		"application/merge-patch+json",
		[]byte(`{"spec":{"apply":{"recreate":"Orphan"}}}`), metav1.PatchOptions{})
	w.check(err)
	w.waitFor(v2, api.Complete)
	after := w.status()
	if len(after.Inventory) != 1 || after.Inventory[0].UID == before.Inventory[0].UID {
		t.Errorf("the inventory names %v", after.Inventory)
	}
	pods, err := w.kube.CoreV1().Pods(w.namespace).List(t.Context(), metav1.ListOptions{})
	w.check(err)
	for _, p := range pods.Items {
		if owner := metav1.GetControllerOf(&p); owner == nil || owner.UID != after.Inventory[0].UID ||
			!strings.HasSuffix(p.Spec.Containers[0].Image, ":v2") {
			t.Errorf("pod %s is of %v and runs %s", p.Name, owner, p.Spec.Containers[0].Image)
		}
	}
	if len(pods.Items) != 12 {
		t.Errorf("%d pods", len(pods.Items))
	}
}
