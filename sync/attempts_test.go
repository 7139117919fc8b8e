package sync

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/render"
)

var oneObject = fstest.MapFS{"kustomization.yaml": {Data: []byte("resources: [a.yaml]")}, "a.yaml": {Data: []byte(configMap("a", "1"))}}

// endless is a tree that is read for as long as the test wants. A process that dies meanwhile is played by one that is
// not listened to any more.
type endless struct {
	fstest.MapFS
	begun, end chan struct{}
}

func newEndless(t *testing.T) *endless {
	e := &endless{MapFS: oneObject, begun: make(chan struct{}, 100), end: make(chan struct{})}
	t.Cleanup(func() {
		select {
		case <-e.end:
		default:
			close(e.end)
		}
	})
	return e
}

func (e *endless) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "a.yaml") {
		e.begun <- struct{}{}
		<-e.end
	}
	return e.MapFS.Open(name)
}

// dieRendering begins a render in a process that does not survive it.
func dieRendering(t *testing.T, folder, version string) {
	t.Helper()
	tree := newEndless(t)
	refused := make(chan error, 1)
	go func() {
		_, err := OpenAttempts(folder).Build(context.Background(), "agents", version, tree, ".", render.Options{})
		refused <- err
	}()
	select {
	case <-tree.begun:
	case err := <-refused:
		t.Fatal("not begun: ", err)
	}
}

func attemptRender(t *testing.T, folder, version string) error {
	t.Helper()
	_, err := OpenAttempts(folder).Build(t.Context(), "agents", version, oneObject, ".", render.Options{})
	return err
}

// What three processes did not survive is refused, whatever else is rendered meanwhile.
func TestWhatThreeProcessesDidNotSurviveIsRefused(t *testing.T) {
	folder := t.TempDir()
	for range 3 {
		dieRendering(t, folder, "v2")
		if err := attemptRender(t, folder, "v1"); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := attemptRender(t, folder, "v2"); err == nil || !strings.Contains(err.Error(), "the process ended 3 times while it rendered this") {
			t.Error(err)
		}
	}
	if err := attemptRender(t, folder, "v3"); err != nil {
		t.Error(err)
	}
}

// A render that ends, with an error or without, leaves nothing behind, and ends the count of deaths before it.
func TestARenderThatEndsIsForgotten(t *testing.T) {
	folder := t.TempDir()
	for _, dir := range []string{"missing", "../outside", "."} {
		dieRendering(t, folder, "v1")
		dieRendering(t, folder, "v1")
		for range 4 {
			_, _ = OpenAttempts(folder).Build(t.Context(), "agents", "v1", oneObject, dir, render.Options{})
		}
		if err := attemptRender(t, folder, "v1"); err != nil {
			t.Error(dir, err)
		}
	}
}

// A process that is asked to end in the middle of a render has not died of it.
func TestAnOrderlyEndIsNoDeath(t *testing.T) {
	folder := t.TempDir()
	for range 4 {
		tree := newEndless(t)
		ctx, stop := context.WithCancel(t.Context())
		go func() { <-tree.begun; stop() }()
		if _, err := OpenAttempts(folder).Build(ctx, "agents", "v1", tree, ".", render.Options{}); err == nil {
			t.Fatal("not stopped")
		}
	}
	if err := attemptRender(t, folder, "v1"); err != nil {
		t.Error(err)
	}
}

// A render that took too long may still end the process.
func TestWhatIsLeftOfASlowRenderIsRemembered(t *testing.T) {
	folder, tree := t.TempDir(), newEndless(t)
	dieRendering(t, folder, "v1")
	dieRendering(t, folder, "v1")
	_, err := OpenAttempts(folder).Build(t.Context(), "agents", "v1", tree, ".", render.Options{Timeout: 500 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "did not render within") {
		t.Fatal(err)
	}
	<-tree.begun
	if err := attemptRender(t, folder, "v1"); err == nil {
		t.Error("rendered")
	}
	close(tree.end)
	for deadline := time.Now().Add(time.Minute); attemptRender(t, folder, "v1") != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never forgotten")
		}
	}
}

// After a death a commit is rendered while no other is, so that no other is blamed.
func TestWhatMayHaveEndedAProcessIsRenderedAlone(t *testing.T) {
	folder := t.TempDir()
	dieRendering(t, folder, "v1")
	attempts := OpenAttempts(folder)
	other, suspect := newEndless(t), newEndless(t)
	begin := func(of string, tree fs.FS) {
		_, _ = attempts.Build(context.Background(), of, "v1", tree, ".", render.Options{})
	}
	go begin("other", other)
	<-other.begun
	go begin("agents", suspect)
	go func() { // far longer than a render needs to begin
		time.Sleep(200 * time.Millisecond)
		close(other.end)
	}()
	<-suspect.begun
	select {
	case <-other.end:
	default:
		t.Error("rendered beside another")
	}
}

// What took too long is not rendered a second time while the first goes on, and is when that is over.
func TestASlowRenderIsNotBegunTwice(t *testing.T) {
	attempts, tree := OpenAttempts(t.TempDir()), newEndless(t)
	build := func(tree fs.FS) error {
		_, err := attempts.Build(t.Context(), "agents", "v1", tree, ".", render.Options{Timeout: 10 * time.Millisecond})
		return err
	}
	var slow *render.SlowError
	if err := build(tree); !errors.As(err, &slow) {
		t.Fatal(err)
	}
	for range 3 {
		if err := build(oneObject); !errors.As(err, &slow) || !slow.Left {
			t.Error("begun beside the first: ", err)
		}
	}
	close(tree.end)
	var err error
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if err = build(oneObject); !errors.As(err, &slow) || !slow.Left || time.Now().After(deadline) {
			break
		}
	}
	if errors.As(err, &slow) && slow.Left {
		t.Error(err)
	}
}
