package controller

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// unknownLength hides how long a body is, so that it is sent in chunks.
type unknownLength struct{ io.Reader }

// Every refused webhook is counted by its code, wakes nothing, and of a body that is too large no more is read than may
// be.
func TestRefusedWebhooksAreCounted(t *testing.T) {
	p, m := hookedSyncs("platform"), newMetrics()
	server := httptest.NewServer(m.countingHooks(newHooks(p,
		&oneSecret{data: map[string][]byte{"secret": []byte("s3cret")}}, quiet())))
	defer server.Close()
	large, good := strings.Repeat("x", forge.MaxWebhook+1), signed("push", "{}")
	wrong := map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + strings.Repeat("0", 64)}
	for _, c := range []struct {
		what, path string
		body       io.Reader
		headers    map[string]string
		code       string
	}{
		{"too large, and says so", "/hooks/platform/agents", strings.NewReader(large), signed("push", large), "413"},
		{"too large, in chunks", "/hooks/platform/agents", unknownLength{strings.NewReader(large)},
			signed("push", large), "413"},
		{"an unknown path", "/hooks/platform", strings.NewReader("{}"), good, "404"},
		{"an unknown Sync", "/hooks/platform/nobody", strings.NewReader("{}"), good, "404"},
		{"a wrong signature", "/hooks/platform/agents", strings.NewReader("{}"), wrong, "404"},
		{"no signature", "/hooks/platform/agents", strings.NewReader("{}"), nil, "404"},
		{"half a signature", "/hooks/platform/agents", strings.NewReader("{}"),
			map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": good["X-Hub-Signature-256"][:39]},
			"404"},
	} {
		count := m.webhooks.WithLabelValues(c.code)
		before := testutil.ToFloat64(count)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+c.path, c.body)
		check(t, err)
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		// who sends too much may be cut off before he reads the answer
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
		}
		if n := testutil.ToFloat64(count) - before; n != 1 {
			t.Errorf("%s: %v answers with %s were counted", c.what, n, c.code)
		}
	}
	if n := p.count("platform/agents"); n != 0 {
		t.Errorf("%d polls", n)
	}
}

// oneConnection is a listener to which one client comes.
type oneConnection struct{ accepted chan net.Conn }

func (l oneConnection) Accept() (net.Conn, error) {
	c, ok := <-l.accepted
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l oneConnection) Close() error   { return nil }
func (l oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

// Who sends a body a byte now and then is cut off, however often he sends one.
func TestASlowBodyIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, m := hookedSyncs("platform"), newMetrics()
		server := newServer(m.countingHooks(newHooks(p, &oneSecret{data: map[string][]byte{"secret": []byte("s3cret")}},
			quiet())))
		listener := oneConnection{make(chan net.Conn)}
		go func() { _ = server.Serve(listener) }()
		client, remote := net.Pipe()
		listener.accepted <- remote
		began, ended := time.Now(), make(chan struct{})
		go func() {
			defer close(ended)
			_, err := io.WriteString(client, "POST /hooks/platform/agents HTTP/1.1\r\nHost: x\r\nX-Signature-256: "+
				strings.Repeat("0", 64)+"\r\nContent-Length: 100000\r\n\r\n")
			for ; err == nil; time.Sleep(time.Second) {
				_, err = client.Write([]byte("x"))
			}
		}()
		_, _ = io.ReadAll(client) // however it ends
		synctest.Wait()           // the handler may end after the connection
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("cut off after %v", took)
		}
		if n := testutil.ToFloat64(m.webhooks.WithLabelValues("400")); n != 1 || p.count("platform/agents") != 0 {
			t.Errorf("%v answers were counted", n)
		}
		check(t, client.Close())
		<-ended
		close(listener.accepted)
		check(t, server.Close())
	})
}
