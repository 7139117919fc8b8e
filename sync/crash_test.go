package sync

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
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
	t.Parallel()
	everyDeath(t, &mortal{}, dies)
}

// Law 4, of an inventory that is stored beside the status: whenever Daemongate dies storing it, or writing the status
// that names it, nothing is lost.
func TestDyingWithALargeInventoryLosesNothing(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{of: "-inventory-", inStatus: 1}, dies)
}

// The same of what a commit waits for.
func TestDyingWithManyWorkloadsLosesNothing(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{of: "-awaited-", inStatus: 1}, dies)
}

// Law 4, of a rollback: whenever Daemongate dies between the decision to roll back and the end of the rollback, the
// rollback completes, what the broken commit added is pruned and nothing else, and the repository is told of it.
func TestDyingInARollbackLosesNothing(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{from: "rollbackOf"}, diesRollingBack)
}

// everyDeath tells a story once without a death, which counts its writes (see mortal.from and of), and then once for
// each death there is. They mostly wait for the cluster, so they are told at once. Where every write counts, to die
// after one is to die before the next, so every day only the last is died after.
func everyDeath(t *testing.T, like *mortal, story func(*testing.T, *mortal)) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	mortalAfter := func(writes int, after bool) *mortal {
		return &mortal{left: writes, after: after, from: like.from, of: like.of, inStatus: like.inStatus,
			dead: make(chan struct{})}
	}
	immortal := mortalAfter(math.MaxInt, false)
	story(t, immortal)
	writes := math.MaxInt - immortal.left
	t.Logf("%d writes to die at", writes)
	all := like.of != "" || os.Getenv("DAEMONGATE_TEST_ALL") != ""
	for n := 1; n <= writes; n++ {
		for _, when := range []string{"before", "after"} {
			if when == "after" && n < writes && !all {
				continue
			}
			t.Run(fmt.Sprintf("%s write %d", when, n), func(t *testing.T) {
				t.Parallel()
				m := mortalAfter(n, when == "after")
				story(t, m)
				if !m.isDead() && n <= writes/2 {
					t.Error("it did not die")
				}
			})
		}
	}
}

func diesRollingBack(t *testing.T, m *mortal) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "keep.yaml": configMap("keep", "1")})
	w.create(rolling)
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	stop()

	v2 := w.push("v2", map[string]string{"agent.yaml": crashing(small("v2")), "added.yaml": configMap("added", "1")})
	stop = w.controller(m.connection(), data)
	w.diesOr(m, func(s api.SyncStatus) bool {
		return s.InFlight.RollbackOf != nil && s.InFlight.Pruned && strings.Contains(w.note(v2), "rolled back")
	})
	stop()
	w.controller(shared.Config, data)
	w.says(v2, api.Stuck, "rolled back to "+api.Short(v1))
	s := w.wait("the prune", func(s api.SyncStatus) bool { return s.InFlight.Pruned })
	w.told(v2, "rolled back to "+api.Short(v1))
	w.told(v1, "success")
	if len(s.Inventory) != 2 || s.LastComplete != v1 || s.Passed != v2 || s.InFlight.Commit != v1 {
		t.Errorf("inventory %v, last complete %s, in flight %s", s.Inventory, s.LastComplete, s.InFlight.Commit)
	}
	if _, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "added", metav1.GetOptions{}); err == nil {
		t.Error("what v2 added was not pruned")
	}
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "keep", metav1.GetOptions{})
	w.check(err)
}

// dies tells the story of one death in an ordinary rollout.
func dies(t *testing.T, m *mortal) {
	w := newWorld(t)
	w.inStatus = m.inStatus
	data := t.TempDir()
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "keep.yaml": awaitedMap("keep"),
		"drop.yaml": configMap("drop", "1")})
	w.create(nil)
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	stop()

	v2 := w.push("v2", map[string]string{"agent.yaml": small("v2"), "drop.yaml": ""})
	stop = w.controller(m.connection(), data)
	w.diesOr(m, func(s api.SyncStatus) bool {
		return s.LastComplete == v2 && s.InFlight.Pruned && strings.Contains(w.note(v2), "success")
	})
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
}

// awaitedMap is a ConfigMap that a commit waits for.
func awaitedMap(name string) string {
	return strings.Replace(configMap(name, "1"), "metadata: {", `metadata: {annotations: {daemongate.io/wait: "true"}, `, 1)
}

// small is an agent on two nodes.
func small(image string, args ...string) string {
	const where = "      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: " +
		"[{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-001, node-002]}]}]}}}\n"
	return agent(image, args...) + where
}

// diesOr waits for the death, or until there is nothing left to die at.
func (w *world) diesOr(m *mortal, ended func(api.SyncStatus) bool) {
	w.t.Helper()
	w.wait("death or the end", func(s api.SyncStatus) bool { return m.isDead() || ended(s) })
}

// mortal lets a number of writes to the API server pass; the next one is the last thing that happens: either
// it does not reach the server, or its answer does not come back. Nothing works after that.
type mortal struct {
	mu    gosync.Mutex
	left  int
	after bool
	dead  chan struct{}
	// from is what the first write that counts has in its body; all count if it is empty.
	from string
	// of is what writes that count mention, in their address or body; all count if it is empty.
	of string
	// inStatus is as in the world.
	inStatus int
}

// connection is one that the mortal's process has.
func (m *mortal) connection() *rest.Config {
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return m.mind(next) })
	return config
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
	if m.from != "" {
		if !mentions(r, m.from) {
			return next.RoundTrip(r)
		}
		m.from = ""
	}
	if m.of != "" && !mentions(r, m.of) {
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

// mentions reports whether a request has a text in its address or its body.
func mentions(r *http.Request, text string) bool {
	if strings.Contains(r.URL.Path, text) || r.Body == nil {
		return strings.Contains(r.URL.Path, text)
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && bytes.Contains(body, []byte(text))
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
