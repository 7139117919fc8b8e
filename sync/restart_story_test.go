package sync

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// requests counts what a controller asks the API server for, by what it is.
type requests struct {
	mu     gosync.Mutex
	counts map[string]int
}

func (c *requests) connection() *rest.Config {
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			c.mu.Lock()
			c.counts[requested(r)]++
			c.mu.Unlock()
			return next.RoundTrip(r)
		})
	})
	return config
}

// requested is a request without the names that are in it: "GET configmaps", "watch syncs".
func requested(r *http.Request) string {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if path[0] == "api" {
		path = path[min(2, len(path)):]
	} else {
		path = path[min(3, len(path)):]
	}
	if len(path) > 2 && path[0] == "namespaces" {
		path = path[2:]
	}
	verb := r.Method
	switch query := r.URL.Query(); {
	case len(path) == 0:
		return "discovery"
	case query.Has("watch"):
		verb = "watch"
	case query.Has("dryRun"):
		verb = "dry run"
	case len(path) == 1:
		verb = "list"
	}
	return verb + " " + path[0]
}

func (c *requests) taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = map[string]int{}
	return counts
}

// sharing is connections of one account: all Syncs write by one client.
type sharing struct {
	*plainConnections
	writer *manifests.Client
}

func (k *sharing) Writer(*api.Sync) (Writer, error) { return k.writer, nil }

// A restart reads nothing that is seen as it was left: of many Syncs it lists each kind once, and the Syncs themselves
// once more; neither is any of them read by itself, nor one of their objects, nor is anything rendered or written. What
// somebody has changed meanwhile is found and corrected, and costs the Sync alone whose it is.
func TestARestartReadsNothingThatIsAsItWasLeft(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	const syncs = 20
	files := map[string]string{}
	for i := range syncs {
		w.check(mkdir(w.work, fmt.Sprint("s", i)))
		files[fmt.Sprintf("s%d/map.yaml", i)] = configMap(fmt.Sprint("c", i), "1")
	}
	v1 := w.push("v1", files)
	for i := range syncs {
		w.createAs(fmt.Sprint("agents-", i), func(s *api.SyncSpec) {
			s.Source.Path, s.Report, s.Source.Interval.Duration = fmt.Sprint("s", i), api.Report{}, time.Hour
		})
	}
	data := t.TempDir()
	begin := func() (c *requests, stop func()) {
		c = &requests{counts: map[string]int{}}
		controller := w.newController(w.namespace, c.connection(), data)
		plain := controller.Connect.(*plainConnections) //nolint:forcetypeassert // the world made it
		controller.Connect = &sharing{plain, must(manifests.NewClient(plain.config))}
		return c, w.start(controller)
	}
	complete := func() bool {
		for i := range syncs {
			if s := w.of(fmt.Sprint("agents-", i)); s.LastComplete != v1 || s.Left == "" {
				return false
			}
		}
		return true
	}
	_, stop := begin()
	w.eventually("all are complete", complete)
	stop()

	c, stop := begin()
	w.eventually("the ConfigMaps are watched", func() bool { return c.count("watch configmaps") > 0 })
	time.Sleep(3 * time.Second) // what must not come
	got := c.taken()
	t.Log(got)
	for _, kind := range slices.Sorted(maps.Keys(got)) {
		if verb, _, _ := strings.Cut(kind, " "); verb != "watch" && verb != "list" && verb != "discovery" {
			t.Errorf("%s: %d times", kind, got[kind])
		}
	}
	// One, and another for each time that a busy API server cuts it off; a watch for each Sync would be twenty.
	if n := got["watch configmaps"] + got["list configmaps"]; n > syncs/2 {
		t.Errorf("ConfigMaps were listed and watched by %d requests", n)
	}
	stop()

	w.edit("kubectl-edit", "ConfigMap", "c7", `{"data":{"key":"edited"}}`)
	c, _ = begin()
	w.eventually("the correction", func() bool { return w.value("c7") == "1" })
	if got := c.taken(); got["GET configmaps"] >= syncs || got["dry run configmaps"] >= syncs || got["GET syncs"] > 0 {
		t.Errorf("the correction of one object: %v", got)
	}
}

func (c *requests) count(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[kind]
}

// What the informer has counts as read only while it is as new as what the API server had when the process began, and
// once: then this process may have written it.
func TestASyncIsVouchedForOnce(t *testing.T) {
	s := &Syncs{}
	seen := func(name, version string) *api.Sync {
		o := &api.Sync{}
		o.Namespace, o.Name, o.ResourceVersion = "ns", name, version
		return o
	}
	for _, c := range []struct {
		name, version string
		is            bool
	}{{"a", "10", true}, {"a", "10", false}, {"behind", "9", false}, {"newer", "11", true}, {"unknown", "10", false}} {
		if s.newest.byKey == nil {
			s.newest.byKey = map[string]string{"ns/a": "10", "ns/behind": "10", "ns/newer": "10"}
		}
		if is := s.vouchedFor(seen(c.name, c.version)); is != c.is {
			t.Errorf("%s in version %s: %t", c.name, c.version, is)
		}
	}
}
