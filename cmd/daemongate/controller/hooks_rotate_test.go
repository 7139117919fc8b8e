package controller

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1api "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// oneSecret is a Secret that can be exchanged, or is not there.
type oneSecret struct {
	corev1.SecretInterface
	data  map[string][]byte // nil if it is not there
	kind  corev1api.SecretType
	reads int
}

func (s *oneSecret) Secrets(string) corev1.SecretInterface { return s }

func (s *oneSecret) Get(context.Context, string, metav1.GetOptions) (*corev1api.Secret, error) {
	if s.reads++; s.data == nil {
		return nil, errors.New("not found")
	}
	return &corev1api.Secret{Data: s.data, Type: s.kind}, nil
}

// The secret of a webhook is exchanged without a restart. A Secret that is missing, or holds no secret, lets nobody in,
// and however many ask, the API server is asked every ten seconds.
func TestTheSecretOfAWebhookIsExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &api.Sync{}
		s.Namespace, s.Name = "default", "open"
		s.Spec.Webhook = &api.Webhook{SecretRef: api.LocalObjectReference{Name: "hook"}}
		p := &polled{syncs: map[string]*api.Sync{"default/open": s}, polls: map[string]int{}}
		secret := &oneSecret{}
		hooks := newHooks(p, secret, quiet())
		for i, c := range []struct {
			data map[string][]byte
			code int
		}{
			{nil, 503}, {map[string][]byte{"secret": []byte("s3cret\n")}, 202},
			{map[string][]byte{"secret": []byte("another")}, 404},
			{map[string][]byte{"secret": {}}, 503}, {map[string][]byte{"other": []byte("s3cret")}, 503},
			{map[string][]byte{"secret": []byte("s3cret\nand more")}, 503},
			{map[string][]byte{"secret": []byte("s3cret")}, 202},
		} {
			secret.data = c.data
			for range 10 {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/default/open",
					strings.NewReader("{}"))
				for name, value := range signed("push", "{}") {
					r.Header.Set(name, value)
				}
				w := httptest.NewRecorder()
				if hooks.ServeHTTP(w, r); w.Code != c.code || strings.Contains(w.Body.String(), "s3cret") {
					t.Errorf("%d: answered %d %s, want %d", i, w.Code, w.Body, c.code)
				}
			}
			if secret.reads != i+1 {
				t.Errorf("%d: the Secret was read %d times", i, secret.reads)
			}
			time.Sleep(hookSecretAge)
		}
	})
}
