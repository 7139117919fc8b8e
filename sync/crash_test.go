package sync

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	gosync "sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Law 4: Daemongate dies right before, or right after, its nth write, for every n from the push to the end, and is
// started again. The commit completes, what it no longer asks for is pruned and nothing else, and the repository is
// told of success.
func TestDyingAtAnyWriteLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	for n, more := 1, true; more; n++ {
		for _, when := range []string{"before", "after"} {
			t.Run(fmt.Sprintf("%s write %d", when, n), func(t *testing.T) {
				more = diesAt(t, n, when == "after")
			})
		}
	}
}

// diesAt tells the story of one death. It returns whether there was a write to die at.
func diesAt(t *testing.T, n int, after bool) bool {
	w := newWorld(t)
	data := t.TempDir()
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1"), "keep.yaml": configMap("keep", "1"), "drop.yaml": configMap("drop", "1")})
	w.create(nil)
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	stop()

	v2 := w.push("v2", map[string]string{"agent.yaml": agent("v2"), "drop.yaml": ""})
	m := &mortal{left: n, after: after, dead: make(chan struct{})}
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return m.mind(next) })
	stop = w.controller(config, data)
	died := w.diesOrCompletes(m, v2)
	stop()
	w.controller(shared.Config, data)
	w.waitFor(v2, api.Complete)

	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "drop", metav1.GetOptions{})
	if err == nil {
		t.Error("what v2 no longer asks for was not pruned")
	}
	_, err = w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "keep", metav1.GetOptions{})
	w.check(err)
	if s := w.status(); len(s.Inventory) != 2 || s.LastComplete != v2 || s.Passed != v2 {
		t.Errorf("inventory %v, last complete %s", s.Inventory, s.LastComplete)
	}
	w.told(v2, "success")
	return died
}

// told waits until the repository's notes say something of a commit.
func (w *world) told(commit, text string) {
	w.t.Helper()
	w.wait("the note of "+Short(commit), func(api.SyncStatus) bool { return strings.Contains(w.note(commit), text) })
}

// diesOrCompletes waits for the death, or until there is nothing left to die at.
func (w *world) diesOrCompletes(m *mortal, commit string) bool {
	died := false
	w.wait("death or the end", func(s api.SyncStatus) bool {
		select {
		case <-m.dead:
			died = true
			return true
		default:
			return s.LastComplete == commit && s.InFlight.Pruned && strings.Contains(w.note(commit), "success")
		}
	})
	return died
}

func (w *world) note(commit string) string {
	w.git("fetch", "-q", "origin", "+refs/notes/*:refs/notes/*")
	return w.git("log", "-1", "--notes=daemongate", "--format=%N", commit)
}

// mortal lets a number of writes to the API server pass; the next one is the last thing that happens: either
// it does not reach the server, or its answer does not come back. Nothing works after that.
type mortal struct {
	mu    gosync.Mutex
	left  int
	after bool
	dead  chan struct{}
}

// mind shares the count between the connections of one process.
func (m *mortal) mind(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) { return m.do(next, r) })
}

var errDead = errors.New("this process is dead")

func (m *mortal) do(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		if m.isDead() {
			return nil, errDead
		}
		return next.RoundTrip(r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isDead() {
		return nil, errDead
	}
	if strings.Contains(r.URL.RawQuery, "dryRun") {
		return next.RoundTrip(r)
	}
	if m.left--; m.left > 0 {
		return next.RoundTrip(r)
	}
	if m.after {
		if response, err := next.RoundTrip(r); err == nil {
			_ = response.Body.Close()
		}
	}
	close(m.dead)
	return nil, errDead
}

func (m *mortal) isDead() bool {
	select {
	case <-m.dead:
		return true
	default:
		return false
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
