package controller

import (
	"context"
	"errors"
	"maps"
	gosync "sync"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// hookSecretAge is how long the Secret of a webhook is believed: who is not known yet makes the API server be asked
	// no more often than that.
	hookSecretAge = 10 * time.Second
	// hookSecretWait is how long the API server is waited for, by a sender who waits for the answer.
	hookSecretWait = 5 * time.Second
)

// hookSecrets are what is shared with the senders of webhooks. However slowly one of them is read, no webhook waits
// that needs another.
type hookSecrets struct {
	api corev1.SecretsGetter
	log logrus.FieldLogger

	mu    gosync.Mutex // never held while the API server is asked
	known map[string]*hookSecret
}

// hookSecret is one of them, as it was read last.
type hookSecret struct {
	mu    gosync.Mutex // held while the API server is asked, so that all who come meanwhile share the answer
	value []byte
	err   error
	until time.Time
}

// of returns what is shared with the senders of a Sync's webhooks.
func (h *hookSecrets) of(ctx context.Context, s *api.Sync) ([]byte, error) {
	known := h.entry(s.Namespace + "/" + s.Spec.Webhook.SecretRef.Name)
	known.mu.Lock()
	defer known.mu.Unlock()
	if time.Now().Before(known.until) {
		return known.value, known.err
	}
	known.value, known.err = h.read(ctx, s)
	known.until = time.Now().Add(hookSecretAge)
	if known.err != nil {
		log := h.log.WithField("sync", s.Namespace+"/"+s.Name).WithError(known.err)
		log.Warn("spec.webhook.secretRef cannot be read")
	}
	return known.value, known.err
}

func (h *hookSecrets) entry(key string) *hookSecret {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[string]*hookSecret{}
	}
	if h.known[key] == nil {
		maps.DeleteFunc(h.known, func(_ string, s *hookSecret) bool { return s.old() })
		h.known[key] = &hookSecret{}
	}
	return h.known[key]
}

// old reports whether what was read is not believed any more, and nobody is about to read it again.
func (s *hookSecret) old() bool {
	if !s.mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	return !s.until.IsZero() && !time.Now().Before(s.until)
}

func (h *hookSecrets) read(ctx context.Context, s *api.Sync) ([]byte, error) {
	// A sender who goes away must not spoil what is remembered.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hookSecretWait)
	defer cancel()
	name := s.Spec.Webhook.SecretRef.Name
	secret, err := readSecret(ctx, h.api.Secrets(s.Namespace), "spec.webhook.secretRef", name)
	if err != nil {
		return nil, err
	}
	d := &secretData{data: secret.Data}
	value := []byte(d.line([]string{"secret"}))
	if d.err != nil {
		return nil, d.err
	}
	if len(value) == 0 {
		return nil, errors.New("Secret " + s.Namespace + "/" + name + " has no key secret")
	}
	return value, nil
}
