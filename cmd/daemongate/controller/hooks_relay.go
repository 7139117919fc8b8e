package controller

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

const (
	// relayed marks a webhook that was handed on, so that it is handed on once: two controllers may each take the other
	// one for the leader for a moment.
	relayed = "X-Daemongate-Relayed"
	// relayPatience is how long the leader may take to accept a connection.
	relayPatience = 2 * time.Second
	// leaderPatience is how long the leader may take: it may have to ask the API server for the secret.
	leaderPatience = hookSecretWait + 5*time.Second
	// maxAnswer is how many bytes of the leader's answer are handed back.
	maxAnswer = 1 << 10
)

var noLeader = reply{code: http.StatusServiceUnavailable,
	text: "this controller stands by, and cannot reach the one that works: try again"}

// relay sends webhooks to the leader. Each has a connection of its own, so that none is lost because the leader has
// closed an old one.
type relay struct{ transport *http.Transport }

// newRelay sends webhooks to a leader that may take so long to look at the headers, and as long for the rest.
func newRelay(patience time.Duration) relay {
	return relay{&http.Transport{
		DialContext:           (&net.Dialer{Timeout: relayPatience}).DialContext,
		DisableKeepAlives:     true,
		ExpectContinueTimeout: patience,
		ResponseHeaderTimeout: patience,
	}}
}

// handOn hands a webhook to the leader, and its answer back. Whom the leader would not answer in another way is
// answered here; the rest is for the leader to believe or not. Its body is taken only when the leader wants it, and not
// kept.
func (h *hooks) handOn(w http.ResponseWriter, r *http.Request) reply {
	if !forge.LooksSigned(r.Header) {
		return noSuchHook.because("no header can prove that a secret is known")
	}
	leader, known := h.syncs.Leader()
	switch {
	case !known:
		return noLeader.because("the leader has not said where it is")
	case r.Header.Get(relayed) != "":
		return noLeader.because("another controller took this one for the leader")
	}
	leave, ok := h.bodies.enter(cutOff(w))
	if !ok {
		return tooMany
	}
	defer leave()
	to := url.URL{Scheme: "http", Host: leader.String(), Path: r.URL.Path, RawPath: r.URL.RawPath}
	return h.relay.send(r.Context(), &to, r)
}

// send sends the request of a webhook to an address, with those headers alone that are read there.
func (t relay) send(ctx context.Context, to *url.URL, r *http.Request) reply {
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), http.NoBody)
	if err != nil {
		return noLeader.because(err.Error())
	}
	out.Header = forge.HookHeaders(r.Header)
	out.Header.Set(relayed, "1")
	if r.ContentLength != 0 {
		// Without the writer, which the transport may read the body for longer than it may be used.
		out.Body, out.ContentLength = http.MaxBytesReader(nil, r.Body, forge.MaxWebhook), r.ContentLength
		out.Header.Set("Expect", "100-continue")
	}
	answer, err := t.transport.RoundTrip(out)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge
	case err != nil:
		return noLeader.because(err.Error())
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // as much as there is
	return reply{code: answer.StatusCode, text: strings.TrimSpace(string(text)), why: "as the leader says"}
}
