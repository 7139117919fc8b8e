package controller

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1api "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// hookFleet is a controller with many Syncs of one repository, each of a folder of its own, that poll once an hour. Each
// takes webhooks.
type hookFleet struct {
	*place
	repo, url, address string
	adverts, fetches   atomic.Int64
	apart              bool // each Sync has an account of its own
}

func newHookFleet(t testing.TB) *hookFleet {
	t.Helper()
	p := newPlace(t)
	f := &hookFleet{place: p, repo: filepath.Join(p.dir, "fleet"), address: clustertest.FreeAddress(t)}
	at, err := url.Parse(gittest.ServeHTTP(t, f.dir, "s3cret", func() { f.adverts.Add(1) }))
	check(t, err)
	pass := httputil.NewSingleHostReverseProxy(at)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if bytes.Contains(body, []byte("want ")) {
			f.fetches.Add(1)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL + "/fleet/.git"
	f.secret("hook", map[string]string{"secret": "s3cret", "username": "ada", "password": "s3cret",
		"allowHTTP": "true"})
	return f
}

// push commits a value for each of so many Syncs, at once, on the branch that is checked out.
func (f *hookFleet) push(n int, value string) {
	for i := range n {
		gittest.Write(f.t, filepath.Join(f.repo, fmt.Sprint("apps/", i, "/map.yaml")), fmt.Sprintf(
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d}\ndata: {value: '%s'}\n", i, value))
	}
	gittest.Commit(f.t, f.repo, "newest", value)
}

// follows makes the Sync of a number.
func (f *hookFleet) follows(i int, branch string) {
	account := ""
	if f.apart {
		account = fmt.Sprint(", serviceAccountName: deployer-", i)
	}
	f.named(fmt.Sprint("agents-", i), fmt.Sprintf(`spec:
  source: {url: %s, path: apps/%d, interval: 1h, ref: {branch: %s}, secretRef: {name: hook}}
  apply: {targetNamespace: %s%s}
  webhook: {provider: GitHub, secretRef: {name: hook}}
`, f.url, i, branch, f.namespace, account))
}

// hook sends the webhook of a push to a branch to the Sync of a number.
func (f *hookFleet) hook(i int, branch string) int {
	body := `{"ref":"refs/heads/` + branch + `"}`
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, fmt.Sprintf("http://%s/hooks/%s/agents-%d",
		f.address, f.namespace, i), strings.NewReader(body))
	check(f.t, err)
	for name, value := range signed("push", body) {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	check(f.t, err)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// applied waits until what the Syncs from one number to another write has been seen with a value, and returns when the
// last of them was.
func (f *hookFleet) applied(seen watch.Interface, from, to int, value string) time.Time {
	f.t.Helper()
	left := map[string]bool{}
	for i := from; i < to; i++ {
		left[fmt.Sprint("config-", i)] = true
	}
	end := time.After(10 * time.Minute)
	for len(left) > 0 {
		select {
		case e := <-seen.ResultChan():
			if m, ok := e.Object.(*corev1api.ConfigMap); ok && m.Data["value"] == value {
				delete(left, m.Name)
			}
		case <-end:
			f.t.Fatalf("%q was not applied by %d: %v", value, len(left), left)
		}
	}
	return time.Now()
}

func (f *hookFleet) watch() watch.Interface {
	w, err := f.kube.CoreV1().ConfigMaps(f.namespace).Watch(context.Background(), metav1.ListOptions{})
	check(f.t, err)
	f.t.Cleanup(w.Stop)
	return w
}

// One webhook of a push wakes every Sync of the repository that follows the ref, of which the server is asked, and its
// objects are fetched, once; also if the Sync that has the webhook follows another ref.
func TestAPushWakesEverySyncOfTheRepository(t *testing.T) {
	f := newHookFleet(t)
	f.push(4, "0")
	gittest.Run(t, f.repo, "branch", "next")
	for i := range 3 {
		f.follows(i, "main")
	}
	f.follows(3, "next")
	seen := f.watch()
	f.run(Options{Webhooks: f.address})
	f.applied(seen, 0, 4, "0")

	adverts, fetches := f.adverts.Load(), f.fetches.Load()
	f.push(4, "1")
	if code := f.hook(0, "main"); code != http.StatusAccepted {
		t.Errorf("answered %d", code)
	}
	f.applied(seen, 0, 3, "1")
	if a, n := f.adverts.Load()-adverts, f.fetches.Load()-fetches; a > 2 || n != 1 {
		t.Errorf("one push to a branch that three Syncs follow cost %d polls and %d fetches", a, n)
	}
	gittest.Run(t, f.repo, "branch", "-f", "next", "main")
	if code := f.hook(1, "next"); code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
	f.applied(seen, 3, 4, "1")
}

// BenchmarkOnePushOf100Syncs is how long it takes from one signed webhook until the first of all Syncs of a repository,
// and the last, has the commit Complete in its status, as who watches the cluster sees it; against a webhook for each of
// them.
func BenchmarkOnePushOf100Syncs(b *testing.B) { pushToAll(b, 100) }

func BenchmarkOnePushOf1000Syncs(b *testing.B) { pushToAll(b, 1000) }

// sendersAtOnce are fewer than the connections that the server of webhooks takes.
const sendersAtOnce = 32

func pushToAll(b *testing.B, n int) {
	f := newHookFleet(b)
	f.push(n, "0")
	for i := range n {
		f.follows(i, "main")
	}
	seen := f.watch()
	f.run(Options{Webhooks: f.address, Workers: 4, PrepareWorkers: 4})
	f.applied(seen, 0, n, "0")
	pushed := func(hooks int) (first, last time.Duration) {
		time.Sleep(hookFloor) // as far apart as two polls are at least
		f.push(n, fmt.Sprint("at ", time.Now()))
		complete := f.completions(gittest.Run(b, f.repo, "rev-parse", "HEAD"))
		began := time.Now()
		var senders errgroup.Group
		senders.SetLimit(sendersAtOnce)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range hooks {
				senders.Go(func() error {
					f.hook(i, "main")
					return nil
				})
			}
			_ = senders.Wait()
		}()
		defer func() { <-sent }()
		for done := range n {
			if at := <-complete; done == 0 {
				first = at.Sub(began)
			}
		}
		return first, time.Since(began)
	}
	var first, all, each time.Duration
	rounds := 0.0
	for b.Loop() {
		rounds++
		one, last := pushed(1)
		_, beside := pushed(n)
		first, all, each = first+one, all+last, each+beside
	}
	b.ReportMetric(first.Seconds()/rounds, "s-to-first-complete")
	b.ReportMetric(all.Seconds()/rounds, "s-until-all-complete")
	b.ReportMetric(all.Seconds()/each.Seconds(), "times-a-webhook-each")
}

// completions are when each Sync of the namespace says that a commit is complete.
func (f *hookFleet) completions(commit string) <-chan time.Time {
	client, err := dynamic.NewForConfig(f.cluster.Config)
	check(f.t, err)
	seen, err := client.Resource(api.Resource).Namespace(f.namespace).Watch(context.Background(), metav1.ListOptions{})
	check(f.t, err)
	f.t.Cleanup(seen.Stop)
	all, done := make(chan time.Time), map[string]bool{}
	go func() {
		for e := range seen.ResultChan() {
			u, ok := e.Object.(*unstructured.Unstructured)
			if !ok || done[u.GetName()] {
				continue
			}
			if is, _, _ := unstructured.NestedString(u.Object, "status", "lastComplete"); is == commit {
				done[u.GetName()] = true
				all <- time.Now()
			}
		}
	}()
	return all
}
