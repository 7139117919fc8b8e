package sync

import (
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// holdsBack waits until a commit is Held with such words, which hosts are told too, and nothing of it was written.
func (w *world) holdsBack(commit, words, written string) {
	w.t.Helper()
	if r := w.waitFor(commit, api.Held); !strings.Contains(string(r.Message.Public), words) {
		w.t.Errorf("%s is Held: %q", api.Short(commit), r.Message.Public)
	}
	if got := w.value("a"); got != written {
		w.t.Errorf("%q was written while %s is Held", got, api.Short(commit))
	}
}

func (w *world) release(commit string) {
	w.t.Helper()
	w.check(w.syncs.Release(w.t.Context(), w.namespace, "agents", commit, time.Now()))
}

// Law 10, with onRewrite: Hold: whoever may push, and sets the branch to another history or back to an old commit,
// gets nothing in, nor does what is pushed on top of it. Both commits are named, a restart and another release change
// nothing, and a release of the head lets that one pass, with what came before it.
func TestARewrittenBranchWaitsForARelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.Source.OnRewrite = api.OnRewriteHold })
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	v2 := w.push("v2", map[string]string{"a.yaml": configMap("a", "2")})
	w.waitFor(v2, api.Complete)

	w.git("reset", "-q", "--hard", v1)
	other := w.push("another second one", map[string]string{"a.yaml": configMap("a", "3")})
	words := api.Short(other) + " does not go on from " + api.Short(v2) + ", which passed last; it waits for daemongate release"
	w.holdsBack(other, words, "2")
	stop()
	w.controller(shared.Config, data)
	w.release(v2) // that is not the one that waits
	onTop := w.push("on top of it", map[string]string{"b.yaml": configMap("b", "1")})
	w.holdsBack(onTop, "does not go on from "+api.Short(v2)+", which passed last; it waits for daemongate release", "2")
	w.release(onTop)
	w.waitFor(onTop, api.Complete)
	if got := w.value("a"); got != "3" {
		t.Errorf("%q is written of what was released", got)
	}

	w.git("reset", "-q", "--hard", v1)
	w.git("push", "-q", "-f", "origin", "main")
	w.holdsBack(v1, api.Short(v1)+" does not go on from "+api.Short(onTop), "3")
	w.release(v1)
	w.waitFor(v1, api.Complete)
}

// Law 10, with versions: a tag that is deleted sets nobody back to the version before it without a release.
func TestALowerVersionWaitsForARelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tag := func(version string) string {
		commit := w.push(version, map[string]string{"a.yaml": configMap("a", version)})
		w.git("tag", "v"+version)
		w.git("push", "-q", "origin", "v"+version)
		return commit
	}
	older, newer := tag("1.0.0"), tag("1.1.0")
	w.create(func(s *api.SyncSpec) {
		s.Source.OnRewrite, s.Source.Ref = api.OnRewriteHold, api.Ref{SemVer: ">=1.0.0"}
	})
	w.controller(shared.Config, t.TempDir())
	w.waitFor(newer, api.Complete)
	w.git("push", "-q", "origin", ":refs/tags/v1.1.0")
	w.holdsBack(older, api.Short(older)+" is v1.0.0, a lower version than v1.1.0 at "+api.Short(newer)+", which passed last", "1.1.0")
	w.release(older)
	w.waitFor(older, api.Complete)
}
