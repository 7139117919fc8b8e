package sync

import (
	"fmt"
	"net/http"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// tally counts what a controller asks of the API server about ConfigMaps whose names begin with c, and has something
// done right before it applies one.
type tally struct {
	mu          gosync.Mutex
	counts      map[string]int
	beforeApply func()
}

func (c *tally) connection() *rest.Config {
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if kind := askedOf(r); kind != "" {
				c.count(kind)
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

func (c *tally) count(kind string) {
	c.mu.Lock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[kind]++
	before := c.beforeApply
	if kind == "apply" {
		c.beforeApply = nil
	}
	c.mu.Unlock()
	if kind == "apply" && before != nil {
		before()
	}
}

// taken are the counts since the last time.
func (c *tally) taken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = nil
	return fmt.Sprint(counts)
}

func askedOf(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case strings.HasSuffix(r.URL.Path, "/configmaps") && query.Has("sendInitialEvents"):
		return "watch"
	case strings.HasSuffix(r.URL.Path, "/configmaps") && query.Has("labelSelector") && !query.Has("watch"):
		return "list"
	case !strings.Contains(r.URL.Path, "/configmaps/c"):
		return ""
	case r.Method == http.MethodPatch && query.Has("dryRun"):
		return "dry run"
	case r.Method == http.MethodPatch:
		return "apply"
	}
	return strings.ToLower(r.Method)
}

// ten are ten ConfigMaps with one value, but for one of them.
func ten(value, first string) map[string]string {
	files := map[string]string{"c0.yaml": configMap("c0", first)}
	for i := 1; i < 10; i++ {
		files[fmt.Sprintf("c%d.yaml", i)] = configMap(fmt.Sprintf("c%d", i), value)
	}
	return files
}

// A commit costs what it changes: a dry run and an apply of each object that is another one, and nothing of the others
// but the lists that say that nobody has written them. `daemongate sync --full` has all of them compared; what is found
// to be as asked by that is proven again. A restart compares nothing that is as it was left.
func TestACommitCostsWhatItChanges(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	c := &tally{}
	commit := func(files map[string]string) string {
		next := w.push("next", files)
		w.waitFor(next, api.Complete)
		return c.taken()
	}
	v1 := w.push("v1", ten("1", "1"))
	w.create(nil)
	data := t.TempDir()
	stop := w.controller(c.connection(), data)
	w.waitFor(v1, api.Complete)
	w.wait("its objects to be watched", func(api.SyncStatus) bool { return c.counted("watch") > 0 })
	c.taken()
	for _, step := range []struct{ what, want string }{
		{what: "all change", want: "map[apply:10 dry run:10]"},
		{what: "one changes", want: "map[apply:1 dry run:1 list:2]"},
	} {
		files := ten("2", "2")
		if step.what == "one changes" {
			files = ten("2", "3")
		}
		if got := commit(files); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
	w.check(w.syncs.RequestFull(t.Context(), w.namespace, "agents", time.Now()))
	w.wait("the comparison", func(api.SyncStatus) bool { return c.counted("dry run") >= 10 })
	if got, want := c.taken(), "map[dry run:10 get:10]"; got != want {
		t.Errorf("all were compared: %s, want %s", got, want)
	}
	if got, want := commit(ten("2", "4")), "map[apply:1 dry run:1 list:2]"; got != want {
		t.Errorf("after the comparison: %s, want %s", got, want)
	}
	w.afterRestarts(c, stop, data, commit)
}

// afterRestarts has a commit come after a restart: nothing was compared, and it costs what it changes, and a list more. A
// commit that comes before everything has been seen is applied as a whole: then that is tried once more.
func (w *world) afterRestarts(c *tally, stop func(), data string, commit func(map[string]string) string) {
	w.t.Helper()
	got, want := "", "map[apply:1 dry run:1 list:3]"
	for try := range 3 {
		stop()
		c.taken()
		stop = w.controller(c.connection(), data)
		w.wait("the watch after the restart", func(api.SyncStatus) bool { return c.counted("watch") > 0 })
		time.Sleep(2 * time.Second) // what must not come
		if got := c.taken(); got != "map[watch:1]" {
			w.t.Errorf("after the restart: %s", got)
		}
		if got = commit(ten("2", fmt.Sprint(5+try))); got == want {
			return
		}
	}
	w.t.Errorf("a commit after the restart: %s, want %s", got, want)
}

func (c *tally) counted(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[kind]
}

// Laws 8 and 16: what somebody changes while a commit is applied that leaves the object alone, after the list that said
// that nobody has, is drift, and is corrected.
func TestAChangeDuringTheApplyIsCorrected(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	c := &tally{}
	v1 := w.push("v1", ten("1", "1"))
	w.create(nil)
	w.controller(c.connection(), t.TempDir())
	w.waitFor(v1, api.Complete)
	c.mu.Lock()
	edited := false
	c.beforeApply = func() {
		w.edit("kubectl-edit", "ConfigMap", "c7", `{"data":{"key":"edited"}}`)
		edited = true
	}
	c.mu.Unlock()
	v2 := w.push("v2", ten("1", "2"))
	w.waitFor(v2, api.Complete)
	w.wait("the correction", func(api.SyncStatus) bool { return w.value("c7") == "1" })
	if w.value("c0") != "2" || !edited {
		t.Errorf("c0 has %q, edited: %t", w.value("c0"), edited)
	}
}
