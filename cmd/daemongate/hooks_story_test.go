package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	corev1api "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// hookStory is a controller that runs, and that polls only when a webhook wakes it; its set is one ConfigMap.
type hookStory struct {
	t       testing.TB
	kube    kubernetes.Interface
	repo    string
	address string
	adverts atomic.Int64
	gate    atomic.Pointer[chan struct{}] // closed when the Git server may answer
}

// beginHookStory has a cluster and a repository with a first commit, in a folder, and no Sync yet.
func beginHookStory(t testing.TB) (s *hookStory, cluster *clustertest.Cluster, dir string) {
	t.Helper()
	cluster, dir = clustertest.Start(t, clustertest.Options{Nodes: 1}), t.TempDir()
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	s = &hookStory{t: t, kube: kube, repo: filepath.Join(dir, "fleet"), address: freeAddress(t)}
	s.push("0")
	return s, cluster, dir
}

func newHookStory(t testing.TB) *hookStory {
	t.Helper()
	s, cluster, dir := beginHookStory(t)
	url := serveGit(t, dir, "s3cret", func() {
		s.adverts.Add(1)
		if gate := s.gate.Load(); gate != nil {
			<-*gate
		}
	})
	write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+url+`/fleet/.git, interval: 1h, secretRef: {name: hook}}
  apply: {targetNamespace: platform}
  webhook: {provider: GitHub, secretRef: {name: hook}}
`)
	_, err := installSync(t.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), "")
	check(t, err)
	_, err = s.kube.CoreV1().Secrets("platform").Create(t.Context(), &corev1api.Secret{ObjectMeta: metav1.ObjectMeta{Name: "hook"},
		StringData: map[string]string{"secret": "s3cret", "username": "ada", "password": "s3cret"}}, metav1.CreateOptions{})
	check(t, err)
	seen := s.watch()
	controllerTo(t, io.Discard, "-n", "platform", "--data-dir", filepath.Join(dir, "data"), "--webhook-address", s.address, "--kubeconfig", cluster.Kubeconfig)
	s.await(seen, "0")
	return s
}

// push commits a ConfigMap with a value.
func (s *hookStory) push(value string) {
	check(s.t, os.MkdirAll(s.repo, 0o755))
	write(s.t, filepath.Join(s.repo, "map.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {value: '"+value+"'}\n")
	gitIn(s.t, s.repo, "init", "-q", "-b", "main")
	gitIn(s.t, s.repo, "add", "-A")
	gitIn(s.t, s.repo, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", value)
}

// hook sends the webhook of a push, as GitHub signs it.
func (s *hookStory) hook() int {
	body := `{"ref":"refs/heads/main"}`
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.address+"/hooks/platform/agents", strings.NewReader(body))
	check(s.t, err)
	for name, value := range signed("push", body) {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func (s *hookStory) watch() watch.Interface {
	w, err := s.kube.CoreV1().ConfigMaps("platform").Watch(context.Background(), metav1.ListOptions{FieldSelector: "metadata.name=config"})
	check(s.t, err)
	s.t.Cleanup(w.Stop)
	return w
}

// await waits until the ConfigMap has been seen with a value.
func (s *hookStory) await(w watch.Interface, value string) {
	s.t.Helper()
	end := time.After(time.Minute)
	for {
		select {
		case e := <-w.ResultChan():
			if m, ok := e.Object.(*corev1api.ConfigMap); ok && m.Data["value"] == value {
				return
			}
		case <-end:
			s.t.Fatalf("%q was not applied", value)
		}
	}
}

// A hundred signed webhooks that come while a poll is under way are one more poll, and none of them is lost.
func TestABurstOfWebhooksIsOnePoll(t *testing.T) {
	s := newHookStory(t)
	seen := s.watch()
	gate := make(chan struct{})
	s.gate.Store(&gate)
	before := s.adverts.Load()
	for s.hook() != http.StatusAccepted { // the controller may just have begun
		time.Sleep(10 * time.Millisecond)
	}
	for end := time.Now().Add(time.Minute); s.adverts.Load() == before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	var senders gosync.WaitGroup
	for range 100 {
		senders.Go(func() {
			if code := s.hook(); code != http.StatusAccepted {
				t.Errorf("answered %d", code)
			}
		})
	}
	senders.Wait()
	s.push("1")
	s.gate.Store(nil)
	close(gate)
	s.await(seen, "1") // by the poll of the burst, which began after the push
	s.push("2")
	if code := s.hook(); code != http.StatusAccepted {
		t.Errorf("answered %d", code)
	}
	s.await(seen, "2")
	if polls := s.adverts.Load() - before; polls > 3 {
		t.Errorf("%d polls for one webhook, a burst of a hundred and one more: want 3", polls)
	}
}

// BenchmarkWebhookToApply is how long it takes from a signed webhook of GitHub, sent to the controller's address, until
// somebody who watches the cluster sees the first object of the commit; with the polls and fetches over http.
func BenchmarkWebhookToApply(b *testing.B) {
	s := newHookStory(b)
	var took []time.Duration
	seen, n := s.watch(), 0
	for s.hook() != http.StatusAccepted {
		time.Sleep(10 * time.Millisecond)
	}
	for b.Loop() {
		n++
		value := fmt.Sprint("bench-", n)
		s.push(value)
		began := time.Now()
		if code := s.hook(); code != http.StatusAccepted {
			b.Fatalf("answered %d", code)
		}
		s.await(seen, value)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}
