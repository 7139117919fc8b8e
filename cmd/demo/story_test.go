package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// want is what every commit of the story comes to, in order.
var want = map[string]string{
	"v1":     "Applying → RollingOut → Complete",
	"v2":     "Applying → RollingOut → Complete",
	"v3":     "Held → Carried by v4 (Complete)",
	"v4":     "Held → Applying → RollingOut → Complete",
	"typo":   "Applying → RollingOut → Stuck",
	"fix":    "Applying → RollingOut → Complete",
	"crash":  "Applying → RollingOut → Stuck",
	"revert": "Applying → RollingOut → Complete",
	"readme": "Unchanged by revert (Complete)",
	"remove": "Applying → Complete",
}

// told is how what the Git host says of every commit begins in the end.
var told = map[string]string{
	"v1":     "success: Complete",
	"v2":     "success: Complete",
	"v3":     "success: rolled out as part of v4",
	"v4":     "success: Complete",
	"typo":   "failure: Stuck: ImagePull",
	"fix":    "success: Complete",
	"crash":  "failure: Stuck: CrashLoop",
	"revert": "success: Complete",
	"readme": "success: Unchanged: the same as revert, which is Complete",
	"remove": "success: Complete",
}

// The story of the demo: every commit comes to its state by the way it should, and to no other in between, and the Git
// host says so. The crash-looping agent is never Complete.
func TestTheStory(t *testing.T) {
	t.Parallel()
	theStory(t, "")
}

// The same on a real Git host, with a token that may write the repository and nothing else.
func TestTheStoryOnAGitHost(t *testing.T) {
	t.Parallel()
	theStory(t, "gitea")
}

func theStory(t *testing.T, host string) {
	w := newWorld(t, host)
	w.start(t)
	if err := w.player.play(t.Context(), story()); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.player.pushed {
		if got := w.named(words(w.player.recorder.of(c.hash))); got != want[c.name] {
			t.Errorf("%s came to\n  %s, want\n  %s", c.name, got, want[c.name])
		}
	}
	if err := w.host.settles(t.Context(), w.player); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.player.pushed {
		said, err := w.host.told(t.Context(), w.player.repo, c.hash)
		if err != nil {
			t.Error(err)
		}
		if got := w.named(said); !strings.HasPrefix(got, "daemongate/demo: "+told[c.name]) ||
			strings.Count(got, "daemongate/demo") != 1 {
			t.Errorf("of %s the host says\n  %s, want\n  daemongate/demo: %s", c.name, got, told[c.name])
		}
	}
}

// The same story with Daemongate killed ten times at random moments and started again: every commit comes to the
// same state in the end.
func TestKillNineChangesNoEnding(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start(t)
	const times = 10
	ctx, cancel := context.WithCancel(t.Context())
	killed := make(chan int, 1)
	go func() { killed <- w.killAtRandom(ctx, t, times) }()
	err := w.player.play(t.Context(), story())
	cancel()
	if n := <-killed; n != times {
		t.Errorf("killed %d times, want %d", n, times)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range w.player.pushed {
		got := w.named(words(w.player.recorder.of(c.hash)))
		if last, end := after(got), after(want[c.name]); last != end {
			t.Errorf("%s ended as %q, want %q (came to %s)", c.name, last, end, got)
		}
	}
}

func after(states string) string {
	return states[strings.LastIndex("→ "+states, "→ "):]
}

// world is a cluster, a repository and Daemongate.
type world struct {
	dir, binary string
	cluster     *clustertest.Cluster
	host        *gitHost
	player      *player
	controller  *controller
}

func newWorld(t *testing.T, host string) *world {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	w := &world{dir: t.TempDir(), cluster: clustertest.Start(t, clustertest.Options{Nodes: 12})}
	var err error
	if w.binary, err = buildOnce(); err != nil {
		t.Fatal(err)
	}
	if w.host, err = openHost(host, w.cluster); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.host.stop)
	if w.player, err = stage(t.Context(), w.cluster, w.host, w.dir, t.Output()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) start(t *testing.T) {
	var err error
	if w.controller, err = startController(context.WithoutCancel(t.Context()), w.binary, w.cluster.Kubeconfig, w.dir,
		w.player.out); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.controller.stop() })
}

// killAtRandom kills and restarts Daemongate, and returns how often.
func (w *world) killAtRandom(ctx context.Context, t *testing.T, times int) int {
	for n := range times {
		select {
		case <-ctx.Done():
			return n
		case <-time.After(time.Duration(1+rand.IntN(12000)) * time.Millisecond):
		}
		if err := w.killAndStart(ctx, t); err != nil {
			t.Errorf("start again: %v", err)
			return n
		}
	}
	return times
}

// killAndStart does so when no commit is pushed for what is to become of the one before: on a busy machine a rollout may
// come to its end while Daemongate starts, and what was to wait for it never waits.
func (w *world) killAndStart(ctx context.Context, t *testing.T) error {
	w.player.pushing.Lock()
	defer w.player.pushing.Unlock()
	w.controller.kill()
	w.endLease(t)
	c, err := startController(context.WithoutCancel(ctx), w.binary, w.cluster.Kubeconfig, w.dir, w.player.out)
	if err == nil {
		w.controller = c
	}
	return err
}

// endLease has the next Daemongate not wait for the Lease of the one that is dead, as a person does who knows that it
// is. That another one takes over by itself is told in cmd/daemongate.
func (w *world) endLease(t *testing.T) {
	leases, err := coordination.NewForConfig(w.cluster.Config)
	if err == nil {
		err = leases.Leases("daemongate-system").Delete(context.WithoutCancel(t.Context()), "daemongate",
			metav1.DeleteOptions{})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}

// named puts the names of the story for the hashes.
func (w *world) named(text string) string {
	for _, c := range w.player.pushed {
		text = strings.ReplaceAll(text, api.Short(c.hash), c.name)
	}
	return text
}

// buildDir is where Daemongate's binary is built, once for all stories.
var buildDir string

var buildOnce = sync.OnceValues(func() (binary string, err error) {
	binary = filepath.Join(buildDir, "daemongate")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, "../daemongate").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "3") // each story has a cluster of its own, and mostly waits for it
	clustertest.Quiet()
	// Children of the tests must not read the configuration of who runs them.
	_ = os.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	var err error
	if buildDir, err = os.MkdirTemp("", "daemongate-demo-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(buildDir)
	return m.Run()
}
