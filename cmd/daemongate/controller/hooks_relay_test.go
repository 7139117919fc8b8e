package controller

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// served are Syncs whose webhooks are taken at an address.
type served struct {
	*polled
	hooks   http.Handler
	address string
	asked   atomic.Int64 // how many webhooks have come
	bodies  atomic.Int64 // how many bytes of bodies were read
}

func serveHooks(t *testing.T, p *polled) *served {
	t.Helper()
	secrets := &oneSecret{data: map[string][]byte{"secret": []byte("s3cret")}}
	s := &served{polled: p, address: clustertest.FreeAddress(t), hooks: newHooks(p, secrets, quiet())}
	closeHooks, err := serveHTTP(s.address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		r.Body = &countedBody{r.Body, &s.bodies}
		s.hooks.ServeHTTP(w, r)
	}))
	check(t, err)
	t.Cleanup(closeHooks)
	return s
}

// standby is a controller that waits for this one.
func (p *served) standby(t *testing.T) *served {
	t.Helper()
	return serveHooks(t, &polled{does: standsBy, leader: netip.MustParseAddrPort(p.address)})
}

type countedBody struct {
	io.ReadCloser
	read *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

// answerOf sends a webhook and returns what its sender is told.
func answerOf(t *testing.T, address, path, body string, headers map[string]string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(body))
	check(t, err)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	return answer.StatusCode, string(text), answer.Header
}

// A webhook that reaches a controller which stands by makes the leader poll. Its sender is answered, word for word, as
// if he had sent it there. Who shows no signature at all does not get that far, and of somebody whom the leader does not
// believe by his headers no body is read, neither here nor there.
func TestAStandbyHandsWebhooksToTheLeader(t *testing.T) {
	leader := serveHooks(t, hookedSyncs("platform", "lab"))
	leader.syncs["lab/agents"].Spec.Webhook.Provider = "GitLab"
	standby := leader.standby(t)
	push, other := `{"ref":"refs/heads/main"}`, `{"ref":"refs/heads/other"}`
	token := func(secret string) map[string]string {
		return map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret}
	}
	for _, c := range []struct {
		what, path, body string
		headers          map[string]string
		code             int
		comes, isRead    bool
	}{
		{"a signed push", "/hooks/platform/agents", push, signed("push", push), 202, true, true},
		{"a push elsewhere", "/hooks/platform/agents", other, signed("push", other), 200, true, true},
		{"a ping", "/hooks/platform/agents", push, signed("ping", push), 200, true, true},
		{"the token of a push", "/hooks/lab/agents", push, token("s3cret"), 202, true, true},
		{"an empty body", "/hooks/platform/agents", "", signed("push", ""), 202, true, false},
		{"another body", "/hooks/platform/agents", other, signed("push", push), 404, true, true},
		{"another token", "/hooks/lab/agents", push, token("guess"), 404, true, false},
		{"the token of no Sync", "/hooks/platform/a%2Fb", push, token("guess"), 404, true, false},
		{"no signature", "/hooks/platform/agents", push, nil, 404, false, false},
		{"half a signature", "/hooks/platform/agents", push, map[string]string{"X-Signature-256": "00"}, 404, false, false},
	} {
		asked, here, there := leader.asked.Load(), standby.bodies.Load(), leader.bodies.Load()
		code, text, _ := answerOf(t, standby.address, c.path, c.body, c.headers)
		came := leader.asked.Load() > asked
		if code != c.code || came != c.comes {
			t.Errorf("%s: answered %d %q; came to the leader: %t", c.what, code, text, came)
		}
		here, there = standby.bodies.Load()-here, leader.bodies.Load()-there
		if here > 0 != c.isRead || there > 0 != c.isRead {
			t.Errorf("%s: %d and %d bytes of the body were read", c.what, here, there)
		}
		if c.what == "a signed push" && leader.count("platform/agents") != 1 {
			t.Errorf("%d polls", leader.count("platform/agents"))
		}
		if _, want, _ := answerOf(t, leader.address, c.path, c.body, c.headers); text != want {
			t.Errorf("%s: answered %q, and by the leader %q", c.what, text, want)
		}
	}
}

// A body that is too large is refused where it arrives, whether its sender says how large it is or not.
func TestAStandbyRefusesWhatIsTooLarge(t *testing.T) {
	leader := serveHooks(t, hookedSyncs("platform"))
	standby := leader.standby(t)
	large := strings.Repeat("x", forge.MaxWebhook+1)
	for what, body := range map[string]io.Reader{"with its size": strings.NewReader(large),
		"in chunks": unknownLength{strings.NewReader(large)}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/platform/agents", body)
		for name, value := range signed("push", large) {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		standby.hooks.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || leader.bodies.Load() > forge.MaxWebhook {
			t.Errorf("%s: answered %d, the leader has read %d bytes", what, w.Code, leader.bodies.Load())
		}
	}
}

// No more bodies are handed on at once than are read.
func TestAStandbyHandsOnSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooks{syncs: &polled{does: standsBy, leader: netip.MustParseAddrPort("10.0.0.1:9292")}, log: quiet()}
		for range maxBodies {
			h.bodies.enter(func() {})
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/platform/agents", strings.NewReader("{}"))
		r.Header.Set("X-Gitlab-Token", "s3cret")
		if answer := h.answer(httptest.NewRecorder(), r, "platform/agents"); answer != tooMany {
			t.Errorf("answered %+v", answer)
		}
	})
}

// Where no leader is known, where it is gone, and where two controllers take each other for the leader, the
// sender is told to come back, and a webhook goes from one controller to another once at most.
func TestAWebhookWithoutALeaderIsSentBack(t *testing.T) {
	gone := netip.MustParseAddrPort(clustertest.FreeAddress(t))
	one, other := serveHooks(t, &polled{does: standsBy}), serveHooks(t, &polled{does: standsBy})
	one.leader, other.leader = netip.MustParseAddrPort(other.address), netip.MustParseAddrPort(one.address)
	for what, address := range map[string]string{
		"nobody is known":    serveHooks(t, &polled{does: standsBy}).address,
		"the leader is gone": serveHooks(t, &polled{does: standsBy, leader: gone}).address,
		"each is sent on":    one.address,
	} {
		code, text, headers := answerOf(t, address, "/hooks/platform/agents", "{}", signed("push", "{}"))
		if code != http.StatusServiceUnavailable || headers.Get("Retry-After") == "" || !strings.Contains(text, "try again") {
			t.Errorf("%s: answered %d %q, %v", what, code, text, headers)
		}
	}
	if one.asked.Load() != 1 || other.asked.Load() != 1 {
		t.Errorf("one webhook came %d and %d times", one.asked.Load(), other.asked.Load())
	}
}

// A leader that takes connections and says nothing is waited for no longer than agreed.
func TestASilentLeaderIsNotWaitedFor(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer silent.Close()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/platform/agents", strings.NewReader("{}"))
	to := url.URL{Scheme: "http", Host: silent.Addr().String(), Path: r.URL.Path}
	if answer := newRelay(100*time.Millisecond).send(t.Context(), &to, r); answer.code != http.StatusServiceUnavailable {
		t.Errorf("answered %d", answer.code)
	}
}

// Of what is handed on the leader is sent what it reads, and nothing else: no credentials for the place in front of the
// controllers, and no header that is about a connection.
func TestOnlyWhatIsReadIsHandedOn(t *testing.T) {
	got := make(chan http.Header, 1)
	leader := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer leader.Close()
	standby := serveHooks(t, &polled{does: standsBy, leader: netip.MustParseAddrPort(leader.Listener.Addr().String())})
	headers := signed("push", "{}")
	for _, name := range []string{"Authorization", "Cookie", "Upgrade", "X-Forwarded-For", "Content-Type"} {
		headers[name] = "x"
	}
	answerOf(t, standby.address, "/hooks/platform/agents", "{}", headers)
	sent := slices.Sorted(maps.Keys(<-got))
	if want := []string{"Accept-Encoding", "Connection", "Content-Length", "Expect", "User-Agent", "X-Daemongate-Relayed",
		"X-Github-Event", "X-Hub-Signature-256"}; !slices.Equal(sent, want) {
		t.Errorf("the leader was sent %q", sent)
	}
}
