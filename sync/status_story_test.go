package sync

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Two who write one status, as two leaders for a moment would: the second looks again before it writes, and leaves what
// the first has written. A change of anything but the status does not stop a write.
func TestAStatusOfAnotherWriterIsNotOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(nil)
	mine := must(w.syncs.Get(t.Context(), w.namespace, "agents"))
	known := *mine.Status.DeepCopy()
	w.patch(`{"metadata":{"annotations":{"example.com/by":"a person"}}}`)
	mine.Status.Head = "mine"
	written, err := w.syncs.UpdateStatus(t.Context(), mine, known)
	w.check(err)
	if written.Status.Head != "mine" || written.Annotations["example.com/by"] == "" {
		t.Errorf("the write over a new annotation: %+v", written)
	}
	theirs := must(w.syncs.Get(t.Context(), w.namespace, "agents"))
	theirs.Status.Head = "theirs"
	must(w.syncs.PutStatus(t.Context(), theirs))
	known = *written.Status.DeepCopy()
	written.Status.Head = "mine again"
	if _, err := w.syncs.UpdateStatus(t.Context(), written, known); !errors.Is(err, errStatusChanged) {
		t.Errorf("the write over another's status: %v", err)
	}
	if _, err := w.syncs.PutStatus(t.Context(), written); !apierrors.IsConflict(err) {
		t.Errorf("the write without a look: %v", err)
	}
	if s := w.status(); s.Head != "theirs" {
		t.Errorf("the status says %q", s.Head)
	}
}

// A controller whose Sync's status somebody else has written goes on from that one, and not from what it remembers.
func TestAControllerGoesOnFromTheStatusOfAnotherWriter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	s := must(w.syncs.Get(t.Context(), w.namespace, "agents"))
	s.Status.History[0].Subject = "written by another leader"
	must(w.syncs.PutStatus(t.Context(), s))
	v2 := w.push("v2", map[string]string{"a.yaml": configMap("a", "2")})
	w.waitFor(v2, api.Complete)
	for _, r := range w.status().History {
		if r.Commit == v1 && r.Subject == "written by another leader" {
			return
		}
	}
	t.Errorf("what the other one has written is gone: %+v", w.status().History)
}
