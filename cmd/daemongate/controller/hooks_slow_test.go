package controller

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	corev1api "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// slowSecrets are an API server that does not answer of one namespace until it is let to, however long it is waited
// for.
type slowSecrets struct {
	slow  string
	asked chan struct{} // has a value once the slow namespace was asked for
	let   chan struct{} // closed when it may answer
	reads atomic.Int64  // of all
}

func (s *slowSecrets) Secrets(namespace string) corev1.SecretInterface {
	return slowSecret{nil, s, namespace}
}

type slowSecret struct {
	corev1.SecretInterface
	server    *slowSecrets
	namespace string
}

func (s slowSecret) Get(context.Context, string, metav1.GetOptions) (*corev1api.Secret, error) {
	s.server.reads.Add(1)
	if s.namespace == s.server.slow {
		s.server.asked <- struct{}{}
		<-s.server.let
	}
	return &corev1api.Secret{Data: map[string][]byte{"secret": []byte("s3cret")}}, nil
}

// hookedSyncs are Syncs of the same name, one in each namespace, that take webhooks.
func hookedSyncs(namespaces ...string) *polled {
	p := &polled{syncs: map[string]*api.Sync{}, polls: map[string]int{}}
	for _, n := range namespaces {
		s := &api.Sync{}
		s.Namespace, s.Name = n, "agents"
		s.Spec.Webhook = &api.Webhook{SecretRef: api.LocalObjectReference{Name: "hook"}}
		p.syncs[n+"/agents"] = s
	}
	return p
}

// hookTo sends the signed webhook of a push.
func hookTo(t *testing.T, hooks http.Handler, namespace string) (code int) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/"+namespace+"/agents",
		strings.NewReader("{}"))
	for name, value := range signed("push", "{}") {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	hooks.ServeHTTP(w, r)
	return w.Code
}

// While the API server is slow with one Secret, webhooks of all others are answered; those that wait for it share one
// look.
func TestASlowSecretHoldsNoOtherWebhookUp(t *testing.T) {
	secrets := &slowSecrets{slow: "slow", asked: make(chan struct{}, 100), let: make(chan struct{})}
	p := hookedSyncs("slow", "known", "new")
	hooks := newHooks(p, secrets, quiet())
	if code := hookTo(t, hooks, "known"); code != http.StatusAccepted {
		t.Fatalf("answered %d", code)
	}
	var waiting gosync.WaitGroup
	for range 10 {
		waiting.Go(func() {
			if code := hookTo(t, hooks, "slow"); code != http.StatusAccepted {
				t.Errorf("the slow one is answered %d", code)
			}
		})
	}
	<-secrets.asked
	answers := make(chan string, 2)
	for _, n := range []string{"known", "new"} {
		go func() { answers <- fmt.Sprint(n, " ", hookTo(t, hooks, n)) }()
	}
	for range 2 {
		select {
		case answer := <-answers:
			if !strings.HasSuffix(answer, " 202") {
				t.Errorf("answered %s", answer)
			}
		case <-time.After(5 * time.Minute):
			t.Error("a webhook waits for the Secret of another")
		}
	}
	close(secrets.let)
	waiting.Wait()
	if n := secrets.reads.Load(); n != 3 {
		t.Errorf("%d looks at three Secrets", n)
	}
}
