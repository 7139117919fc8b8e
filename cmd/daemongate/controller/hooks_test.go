package controller

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// polled are Syncs that count how often they are polled.
type polled struct {
	mu     gosync.Mutex
	syncs  map[string]*api.Sync
	polls  map[string]int
	others map[string]int // of polls for others
	does   role           // leads, if it is empty
	leader netip.AddrPort // of one that stands by
}

func (p *polled) Find(key string) *api.Sync      { return p.syncs[key] }
func (p *polled) Ready() (role, error)           { return cmp.Or(p.does, leads), nil }
func (p *polled) Leader() (netip.AddrPort, bool) { return p.leader, p.leader.IsValid() }
func (p *polled) Poll(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polls[key]++
}

func (p *polled) PollOthers(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.others == nil {
		p.others = map[string]int{}
	}
	p.others[key]++
}

func (p *polled) count(key string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polls[key]
}

func quiet() *logrus.Logger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

// hooked is a server of webhooks, with a Secret in a real cluster and two Syncs of which one takes webhooks.
func hooked(t *testing.T) (*polled, string) {
	t.Helper()
	at := newPlace(t)
	at.secret("hook", map[string]string{"secret": "s3cret\n"})
	open, closed := &api.Sync{}, &api.Sync{}
	open.Namespace, open.Name = at.namespace, "open"
	open.Spec.Webhook = &api.Webhook{SecretRef: api.LocalObjectReference{Name: "hook"}}
	closed.Namespace, closed.Name = at.namespace, "closed"
	p := &polled{syncs: map[string]*api.Sync{"default/open": open, "default/closed": closed}, polls: map[string]int{}}
	server := httptest.NewServer(newHooks(p, at.kube.CoreV1(), quiet()))
	t.Cleanup(server.Close)
	return p, server.URL
}

func send(t *testing.T, method, url, body string, headers map[string]string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	check(t, err)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	check(t, err)
	defer response.Body.Close()
	return response.StatusCode
}

func signed(event, body string) map[string]string {
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(body))
	return map[string]string{"X-GitHub-Event": event, "X-Hub-Signature-256": "sha256=" +
		hex.EncodeToString(mac.Sum(nil))}
}

// A signed push to the ref that is followed polls; everything else is answered as it should be and wakes nothing.
func TestOnlyASignedPushPolls(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	p, url := hooked(t)
	push, other := `{"ref":"refs/heads/main"}`, `{"ref":"refs/heads/other"}`
	large := strings.Repeat("x", forge.MaxWebhook+1)
	for _, c := range []struct {
		what, method, path, body string
		headers                  map[string]string
		code, polls              int
	}{
		{"a signed push", "POST", "/hooks/default/open", push, signed("push", push), 202, 1},
		{"the same once more, at once", "POST", "/hooks/default/open", push, signed("push", push), 202, 0},
		{"a push elsewhere, which is for others", "POST", "/hooks/default/open", other, signed("push", other), 200, 0},
		{"a ping", "POST", "/hooks/default/open", push, signed("ping", push), 200, 0},
		{"another body", "POST", "/hooks/default/open", other, signed("push", push), 404, 0},
		{"no signature", "POST", "/hooks/default/open", push, nil, 404, 0},
		{"a Sync without webhooks", "POST", "/hooks/default/closed", push, signed("push", push), 404, 0},
		{"no Sync", "POST", "/hooks/default/nobody", push, signed("push", push), 404, 0},
		{"no path", "POST", "/", push, signed("push", push), 404, 0},
		{"reading", "GET", "/hooks/default/open", "", nil, 405, 0},
		{"too much", "POST", "/hooks/default/open", large, nil, 413, 0},
		{"health", "GET", "/healthz", "", nil, 200, 0},
	} {
		before := p.count("default/open")
		if code := send(t, c.method, url+c.path, c.body, c.headers); code != c.code ||
			p.count("default/open")-before != c.polls {
			t.Errorf("%s: answered %d, polled %d times; want %d and %d", c.what, code, p.count("default/open")-before,
				c.code, c.polls)
		}
	}
	if n := p.others["default/open"]; n != 1 {
		t.Errorf("others were asked to poll %d times, not once for the push elsewhere", n)
	}
}

// Who opens a connection and sends nothing, or a byte now and then, is cut off.
func TestSlowSendersAreCutOff(t *testing.T) {
	closeHooks, err := serveHTTP("127.0.0.1:0", http.NotFoundHandler())
	check(t, err)
	closeHooks()
	address := clustertest.FreeAddress(t)
	closeHooks, err = serveHTTP(address, http.NotFoundHandler())
	check(t, err)
	defer closeHooks()
	connection, err := net.Dial("tcp", address)
	check(t, err)
	_, err = io.WriteString(connection, "POST /hooks/default/open HTTP/1.1\r\nHost: x\r\n")
	check(t, err)
	check(t, connection.SetReadDeadline(time.Now().Add(5*time.Minute)))
	if _, err := io.ReadAll(connection); err != nil {
		t.Errorf("not cut off: %v", err)
	}
}
