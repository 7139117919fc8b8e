package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	gosync "sync"
	"time"

	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// hookSecretAge is how long the Secret of a webhook is believed: who is not known yet makes the API server be asked no
// more often than that.
const hookSecretAge = 10 * time.Second

// hooks takes webhooks: POST /hooks/<namespace>/<name of the Sync>. One whose sender knows the Sync's secret polls the
// repository, if it says that the ref moved; any number of them in a burst make one poll, and one that is sent again is
// one more poll that finds nothing.
type hooks struct {
	syncs   pollable
	secrets corev1.SecretsGetter
	log     logrus.FieldLogger

	mu    gosync.Mutex
	known map[string]hookSecret // by namespace and name
}

// pollable are the Syncs as the controller knows them.
type pollable interface {
	Find(key string) *api.Sync
	Poll(key string)
	readiness
}

type hookSecret struct {
	value []byte
	err   error
	until time.Time
}

// newHooks returns the handler of the webhooks' address.
func newHooks(syncs pollable, secrets corev1.SecretsGetter, log logrus.FieldLogger) http.Handler {
	h := &hooks{syncs: syncs, secrets: secrets, log: log, known: map[string]hookSecret{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{namespace}/{name}", h.take)
	addProbes(mux, syncs)
	return mux
}

// readiness is whether the controller has begun.
type readiness interface{ Ready() bool }

// addProbes answers the kubelet.
func addProbes(mux *http.ServeMux, syncs readiness) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !syncs.Ready() {
			say(w, http.StatusServiceUnavailable, "the Syncs have not been read yet")
			return
		}
		say(w, http.StatusOK, "ok")
	})
}

// serveHTTP listens, in the background, until the returned function is called. Who sends slowly is cut off.
func serveHTTP(address string, handler http.Handler) (closeAll func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 75 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // ends with the close below
	}()
	return func() { _ = server.Close(); <-ended }, nil
}

// take reads one webhook.
func (h *hooks) take(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("namespace") + "/" + r.PathValue("name")
	code, text := h.answer(r, key, http.MaxBytesReader(w, r.Body, forge.MaxWebhook))
	h.log.WithFields(logrus.Fields{"sync": key, "code": code}).Debug("webhook: " + text)
	say(w, code, text)
}

func (h *hooks) answer(r *http.Request, key string, body io.Reader) (code int, text string) {
	s := h.syncs.Find(key)
	if s == nil || s.Spec.Webhook == nil {
		return http.StatusNotFound, "there is no such webhook"
	}
	if r.ContentLength > forge.MaxWebhook {
		return http.StatusRequestEntityTooLarge, "the body is too large"
	}
	secret, err := h.secret(r.Context(), s)
	if err != nil {
		return http.StatusServiceUnavailable, "the secret of this webhook cannot be read: see the controller's log"
	}
	hook, believed, err := forge.ReadHook(r.Header, body, forge.Provider(s.Spec.Webhook.Provider), secret)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, "the body is too large"
	case err != nil:
		return http.StatusBadRequest, "the body cannot be read"
	case !believed:
		return http.StatusUnauthorized, "the signature is missing or wrong"
	case !hook.Moves(sync.Tracked(s)):
		return http.StatusOK, "nothing that this Sync follows has moved"
	}
	h.syncs.Poll(key)
	return http.StatusAccepted, "polling"
}

// secret returns what is shared with the senders of a Sync's webhooks.
func (h *hooks) secret(ctx context.Context, s *api.Sync) ([]byte, error) {
	name := s.Spec.Webhook.SecretRef.Name
	key, now := s.Namespace+"/"+name, time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, ok := h.known[key]; ok && now.Before(known.until) {
		return known.value, known.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // who goes away must not spoil what is remembered
	defer cancel()
	var value []byte
	secret, err := h.secrets.Secrets(s.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		d := &secretData{data: secret.Data}
		value = []byte(d.line([]string{"secret"}))
		if err = d.err; err == nil && len(value) == 0 {
			err = errors.New("Secret " + key + " has no key secret")
		}
	}
	if err != nil {
		h.log.WithField("sync", s.Namespace+"/"+s.Name).WithError(err).Warn("spec.webhook.secretRef cannot be read")
	}
	h.known[key] = hookSecret{value, err, now.Add(hookSecretAge)}
	return value, err
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // who went away does not hear it
}
