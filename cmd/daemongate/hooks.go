package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// hooks takes webhooks: POST /hooks/<namespace>/<name of the Sync>. One whose sender knows the Sync's secret polls the
// repository, if it says that the ref moved; any number of them in a burst make one poll, and one that is sent again is
// one more poll that finds nothing.
type hooks struct {
	syncs   pollable
	secrets hookSecrets
	log     logrus.FieldLogger
}

// pollable are the Syncs as the controller knows them.
type pollable interface {
	Find(key string) *api.Sync
	Poll(key string)
	readiness
}

// newHooks returns the handler of the webhooks' address.
func newHooks(syncs pollable, secrets corev1.SecretsGetter, log logrus.FieldLogger) http.Handler {
	h := &hooks{syncs: syncs, secrets: hookSecrets{api: secrets, log: log}, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{namespace}/{name}", h.take)
	addProbes(mux, syncs)
	return mux
}

// readiness says why the controller does not work, if so.
type readiness interface{ Ready() error }

// addProbes answers the kubelet: alive is who serves, also while another controller holds the Lease; ready is who works.
func addProbes(mux *http.ServeMux, syncs readiness) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := syncs.Ready(); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ok")
	})
}

// newServer cuts off who sends slowly.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 75 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
}

// serveHTTP listens, in the background, until the returned function is called.
func serveHTTP(address string, handler http.Handler) (closeAll func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := newServer(handler)
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
	if err := h.syncs.Ready(); err != nil {
		return http.StatusServiceUnavailable, err.Error()
	}
	s := h.syncs.Find(key)
	if s == nil || s.Spec.Webhook == nil {
		return http.StatusNotFound, "there is no such webhook"
	}
	if r.ContentLength > forge.MaxWebhook {
		return http.StatusRequestEntityTooLarge, "the body is too large"
	}
	secret, err := h.secrets.of(r.Context(), s)
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

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // who went away does not hear it
}
