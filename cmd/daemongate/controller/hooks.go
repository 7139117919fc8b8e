package controller

import (
	"errors"
	"io"
	"net/http"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
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
	case !hook.Moves(source.Tracked(s)):
		return http.StatusOK, "nothing that this Sync follows has moved"
	}
	h.syncs.Poll(key)
	return http.StatusAccepted, "polling"
}
