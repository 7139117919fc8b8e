package controller

import (
	"context"
	"fmt"
	"net/http"
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

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// hookStory is a controller that runs, and that polls only when a webhook wakes it; its set is one ConfigMap.
type hookStory struct {
	*place
	repo    string
	address string
	adverts atomic.Int64
	gate    atomic.Pointer[chan struct{}] // closed when the Git server may answer
}

// beginHookStory has a repository with a first commit, and no Sync yet.
func beginHookStory(t testing.TB) *hookStory {
	t.Helper()
	p := newPlace(t)
	s := &hookStory{place: p, repo: filepath.Join(p.dir, "fleet"), address: clustertest.FreeAddress(t)}
	s.push("0")
	return s
}

func newHookStory(t testing.TB) *hookStory {
	t.Helper()
	s := beginHookStory(t)
	url := gittest.ServeHTTP(t, s.dir, "s3cret", func() {
		s.adverts.Add(1)
		if gate := s.gate.Load(); gate != nil {
			<-*gate
		}
	})
	s.sync(`spec:
  source: {url: ` + url + `/fleet/.git, interval: 1h, secretRef: {name: hook}}
  apply: {targetNamespace: ` + s.namespace + `}
  webhook: {provider: GitHub, secretRef: {name: hook}}
`)
	s.secret("hook", map[string]string{"secret": "s3cret", "username": "ada", "password": "s3cret",
		"allowHTTP": "true"})
	seen := s.watch()
	s.run(Options{Webhooks: s.address})
	s.await(seen, "0")
	return s
}

// push commits a ConfigMap with a value.
func (s *hookStory) push(value string) {
	gittest.Commit(s.t, s.repo, "map.yaml",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {value: '"+value+"'}\n")
}

// hook sends the webhook of a push, as GitHub signs it.
func (s *hookStory) hook() int {
	body := `{"ref":"refs/heads/main"}`
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.address+"/hooks/"+
		s.namespace+"/agents", strings.NewReader(body))
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
	w, err := s.kube.CoreV1().ConfigMaps(s.namespace).Watch(context.Background(),
		metav1.ListOptions{FieldSelector: "metadata.name=config"})
	check(s.t, err)
	s.t.Cleanup(w.Stop)
	return w
}

// await waits until the ConfigMap has been seen with a value.
func (s *hookStory) await(w watch.Interface, value string) {
	s.t.Helper()
	end := time.After(5 * time.Minute)
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
	for end := time.Now().Add(5 * time.Minute); s.adverts.Load() == before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
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
	// On a busy machine the burst takes longer than two polls are apart.
	if polls, most := s.adverts.Load()-before, 3+int64(time.Since(began)/hookFloor); polls > most {
		t.Errorf("%d polls for one webhook, a burst of a hundred and one more: want %d", polls, most)
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
		time.Sleep(hookFloor) // as far apart as two polls are at least
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
