package sync

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child/childtest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/source"
)

// noCluster lends no writer: whatever is asked of the cluster fails.
type noCluster struct{ Connections }

var errNoCluster = errors.New("no cluster here")

func (noCluster) Writer(*api.Sync) (Writer, error) { return nil, errNoCluster }

func (noCluster) Destination(context.Context, *api.Sync) (*Destination, time.Duration) { return nil, 0 }

func (noCluster) Account(context.Context, *api.Sync) error { return nil }

// A commit that leaves every file alone that the render read is not rendered again, nor is the cluster asked about it:
// here both would fail. One that does not is, and so is one under another spec, after a restart, and if the set was not
// written.
func TestAnUnchangedReadSetIsNotRenderedAgain(t *testing.T) {
	w := newGit(t)
	base := w.push("base", map[string]string{"kustomization.yaml": "resources: [a.yaml]",
		"a.yaml": configMap("a", "1")})
	readme := w.push("readme", map[string]string{"README.md": "nobody renders this", "b.yaml": configMap("b", "1")})
	changed := w.push("changed", map[string]string{"a.yaml": configMap("a", "2")})
	back := w.push("back", map[string]string{"a.yaml": configMap("a", "1")})

	for name, c := range map[string]struct {
		commit string
		spoil  func(*syncLoop)
		want   gate.Outcome
		says   string
	}{
		"a file that nothing reads": {readme, func(*syncLoop) {}, gate.Ready, ""},
		"changed and changed back":  {back, func(*syncLoop) {}, gate.Ready, ""},
		"a file that was read":      {changed, func(*syncLoop) {}, gate.Unavailable, "spec.render.maxFileSize"},
		"another spec": {readme, func(l *syncLoop) { l.sync.Generation++ }, gate.Unavailable,
			"spec.render.maxFileSize"},
		"after a restart": {readme, func(l *syncLoop) { l.flight.set = nil }, gate.Unavailable,
			"spec.render.maxFileSize"},
		"not written yet": {readme, func(l *syncLoop) { l.sync.Status.InFlight.State = api.Applying },
			gate.Unavailable, "spec.render.maxFileSize"},
		"rendered, if it can be": {changed, func(l *syncLoop) { l.sync.Spec.Render.MaxFileSize = "" }, gate.Unavailable,
			errNoCluster.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.flyingLoop(t, base)
			l.sync.Spec.Render.MaxFileSize = "nonsense" // from now on a render fails
			c.spoil(l)
			l.Controller = &Controller{Connect: noCluster{}, Renders: childtest.Runner(t), Now: time.Now}
			r := l.preparation().prepare(t.Context(), c.commit)
			if r.Outcome != c.want || !strings.Contains(r.Problem.Private, c.says) {
				t.Fatalf("%v: %s", r.Outcome, r.Problem.Private)
			}
			if c.want == gate.Ready && r.Digest != l.flight.set.Digest {
				t.Errorf("its set is %s, not that in flight", r.Digest)
			}
		})
	}
}

// accountless is whom a Sync would write as that is not there.
type accountless struct {
	noCluster
	asked int
}

var errNobody = &Barred{Reason: "NoServiceAccount", Message: "there is no such account"}

func (a *accountless) Account(context.Context, *api.Sync) error {
	a.asked++
	return errNobody
}

// Whom a Sync writes as is asked about when a commit would be written, and not for one that leaves everything as it is.
func TestWhoWritesIsAskedForWhatIsWritten(t *testing.T) {
	w := newGit(t)
	base := w.push("base", map[string]string{"kustomization.yaml": "resources: [a.yaml]",
		"a.yaml": configMap("a", "1")})
	readme := w.push("readme", map[string]string{"README.md": "nobody renders this"})
	changed := w.push("changed", map[string]string{"a.yaml": configMap("a", "2")})
	for _, c := range []struct {
		commit string
		spoil  func(*syncLoop)
		asked  int
	}{
		{readme, func(*syncLoop) {}, 0},
		{changed, func(*syncLoop) {}, 1},
		{readme, func(l *syncLoop) { l.flight.set = nil }, 1},
		{readme, func(l *syncLoop) { l.sync.Generation++ }, 1},
		{readme, func(l *syncLoop) { l.sync.Status.InFlight.State = api.Applying }, 1},
	} {
		l := w.flyingLoop(t, base)
		c.spoil(l)
		connections := &accountless{}
		l.Controller = &Controller{Connect: connections, Renders: childtest.Runner(t), Now: time.Now}
		r := l.preparation().prepare(t.Context(), c.commit)
		if connections.asked != c.asked || (r.barred == errNobody) != (c.asked > 0) ||
			(r.Outcome == gate.Ready) != (c.asked == 0) {
			t.Errorf("%s: asked %d times: %v: %s", api.Short(c.commit), connections.asked, r.Outcome, r.Problem.Private)
		}
	}
}

// stopping is a context that has ended when it was asked so often.
type stopping struct {
	context.Context
	after *atomic.Int32
}

func (s stopping) Err() error {
	if s.after.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A controller that is stopped at any moment of preparing a commit, also when the render has just ended well, has
// prepared nothing and is not at a loss for the reason.
func TestAStopAtAnyMomentOfARenderIsNoSet(t *testing.T) {
	w := newGit(t)
	base := w.push("base", map[string]string{"a.yaml": configMap("a", "1")})
	l := w.flyingLoop(t, base)
	l.flight.set = nil
	l.Controller = &Controller{Connect: noCluster{}, Renders: childtest.Runner(t), Now: time.Now}
	for n := range int32(1000) {
		after := new(atomic.Int32)
		after.Store(n)
		r := l.preparation().prepare(stopping{t.Context(), after}, base)
		if r.Outcome != gate.Unavailable || r.Problem.Private == "" {
			t.Fatalf("stopped when it was asked for the %dth time: %v: %s", n, r.Outcome, r.Problem.Private)
		}
		if after.Load() >= 0 {
			return
		}
	}
	t.Error("it never came to the end")
}

// flyingLoop is one in which a commit is in flight, rendered and written.
func (w *world) flyingLoop(t *testing.T, commit string) *syncLoop {
	t.Helper()
	store := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(store.Close)
	repository := must(store.Repository(w.url, gitsource.Auth{}))
	must(repository.Head(t.Context(), gitsource.Ref{Branch: "main"}))
	built := must(render.Build(t.Context(), must(repository.Tree(t.Context(), commit)), ".", render.Options{}))
	set := must(manifests.NewSet(built.Objects))
	l := &syncLoop{sync: &api.Sync{}, source: source.Open(&api.Sync{}, time.Now(),
		source.Options{Repository: repository})}
	flying := (&readySet{Prepared: gate.Prepared{Commit: commit}}).ready(set, built.Read)
	l.sync.Status.InFlight = &api.Flight{Commit: commit, Digest: flying.Digest, State: api.Complete}
	l.follow()
	l.flight.set = flying
	return l
}
