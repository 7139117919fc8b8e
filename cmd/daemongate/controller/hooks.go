package controller

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// hooks takes webhooks: POST /hooks/<namespace>/<name of the Sync>. One whose sender knows the Sync's secret polls the
// repository, if it says that the ref moved; any number of them in a burst make one poll, and one that is sent again is
// one more poll that finds nothing. Who does not know the secret cannot tell a Sync from one that there is not. A
// controller that stands by hands them on to the one that works.
type hooks struct {
	syncs   pollable
	relay   relay
	secrets hookSecrets
	unknown strangers
	bodies  bodies
	pace    pacer
	// elsewhere is for pushes to refs that only other Syncs of the repository may follow.
	elsewhere pacer
	log       logrus.FieldLogger
}

// pollable are the Syncs as the controller knows them.
type pollable interface {
	Find(key string) *api.Sync
	// Poll polls for a Sync, and for those others of its repository that a push is news to; PollOthers for those alone.
	Poll(key string)
	PollOthers(key string)
	// Leader is where the controller that this one waits for takes webhooks, if that is known.
	Leader() (netip.AddrPort, bool)
	readiness
}

// newHooks returns the handler of the webhooks' address.
func newHooks(syncs pollable, secrets corev1.SecretsGetter, log logrus.FieldLogger) http.Handler {
	h := &hooks{syncs: syncs, relay: newRelay(leaderPatience), secrets: hookSecrets{api: secrets, log: log},
		unknown: newStrangers(), pace: pacer{poll: syncs.Poll},
		elsewhere: pacer{poll: syncs.PollOthers}, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{namespace}/{name}", h.take)
	addProbes(mux, syncs)
	return mux
}

// reply is what the sender of a webhook is answered, and what the log says besides.
type reply struct {
	code int
	text string
	why  string
}

var (
	// noSuchHook is the one answer to all who prove nothing.
	noSuchHook = reply{code: http.StatusNotFound, text: "no such webhook, or the signature is missing or wrong"}
	tooLarge   = reply{code: http.StatusRequestEntityTooLarge, text: "the body is too large"}
	tooMany    = reply{code: http.StatusServiceUnavailable, text: "too many webhooks are being sent at once: try again"}
)

func (r reply) because(why string) reply {
	r.why = why
	return r
}

// take reads one webhook.
func (h *hooks) take(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("namespace") + "/" + r.PathValue("name")
	answer := h.answer(w, r, key)
	log := h.log.WithFields(logrus.Fields{"sync": key, "code": answer.code, "why": answer.why})
	log.Debug("webhook: " + answer.text)
	if answer.code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if answer.code >= http.StatusBadRequest {
		letGo(w)
	}
	say(w, answer.code, answer.text)
}

// lingering is how long who is refused may go on sending before the connection is closed.
const lingering = time.Second

// letGo has the connection closed after the answer, and nobody waited for who does not send the rest of a body.
func letGo(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingering)) // a test's recorder has none
}

// cutOff has the body not read any further.
func cutOff(w http.ResponseWriter) func() {
	return func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) }
}

func (h *hooks) answer(w http.ResponseWriter, r *http.Request, key string) reply {
	does, err := h.syncs.Ready()
	switch {
	case err != nil:
		return reply{code: http.StatusServiceUnavailable, text: err.Error()}
	case r.ContentLength > forge.MaxWebhook:
		return tooLarge
	case does == standsBy:
		return h.handOn(w, r)
	}
	s := h.syncs.Find(key)
	if s == nil || s.Spec.Webhook == nil {
		provider, secret := h.unknown.of(key)
		_, _, answer := h.read(w, r, provider, secret)
		return answer.because("no Sync of this name takes webhooks")
	}
	provider := forge.Provider(s.Spec.Webhook.Provider)
	secret, err := h.secrets.of(r.Context(), s)
	if err != nil {
		return reply{code: http.StatusServiceUnavailable,
			text: "the secret of this webhook cannot be read: see the controller's log"}
	}
	hook, believed, answer := h.read(w, r, provider, secret)
	switch {
	case !believed:
		return answer
	case !hook.Moves(source.Tracked(s)):
		if hook.Push {
			h.elsewhere.Poll(key)
		}
		return reply{code: http.StatusOK, text: "nothing that this Sync follows has moved"}
	}
	h.pace.Poll(key)
	return reply{code: http.StatusAccepted, text: "polling"}
}

// read reads a webhook of a sender who may know the secret, or says what he is answered.
func (h *hooks) read(w http.ResponseWriter, r *http.Request, p forge.Provider, secret []byte) (
	forge.Hook, bool, reply) {
	if !forge.MayProve(r.Header, p, secret) {
		return forge.Hook{}, false, noSuchHook.because("no header can prove that the secret is known")
	}
	leave, ok := h.bodies.enter(cutOff(w))
	if !ok {
		return forge.Hook{}, false, tooMany
	}
	defer leave()
	hook, believed, err := forge.ReadHook(r.Header, http.MaxBytesReader(w, r.Body, forge.MaxWebhook), p, secret)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return hook, false, tooLarge
	case err != nil:
		return hook, false, reply{code: http.StatusBadRequest, text: "the body cannot be read"}
	}
	return hook, believed, noSuchHook.because("the signature is wrong")
}
