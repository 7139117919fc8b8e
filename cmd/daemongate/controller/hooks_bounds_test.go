package controller

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// looksSigned is a signature that anybody can make up.
var looksSigned = "X-Hub-Signature-256: sha256=" + strings.Repeat("0", 64) + "\r\n"

// stall opens a connection, sends what it can of a text that is never complete, and then nothing more.
func stall(t *testing.T, address, text string) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)) // which a connection takes
	_, _ = io.WriteString(connection, text)                                 // a server that does not read takes a part of it
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Three hundred connections whose senders have stalled, in their headers or in a body, whether it looks signed or not,
// take less than 30 MiB together, and who sends a signed webhook meanwhile is served.
func TestStalledSendersFillNoMemory(t *testing.T) {
	leader := serveHooks(t, hookedSyncs("platform"))
	leader.holdsStalledSenders(t, leader.address)
}

// So it is with those who have stalled at a controller that stands by, in it and in the leader together.
func TestStalledSendersFillNoMemoryOfAStandby(t *testing.T) {
	leader := serveHooks(t, hookedSyncs("platform"))
	leader.holdsStalledSenders(t, leader.standby(t).address)
}

// holdsStalledSenders has senders stall at an address from which webhooks come to the served ones.
func (p *served) holdsStalledSenders(t *testing.T, address string) {
	t.Helper()
	long := strings.Repeat("x", 2<<20)
	head := "POST /hooks/platform/agents HTTP/1.1\r\nHost: x\r\n"
	before := heap()
	var senders gosync.WaitGroup
	for range 100 {
		senders.Go(func() { stall(t, address, head) })
		senders.Go(func() { stall(t, address, head+"Content-Length: 20000000\r\n\r\n"+long) })
		senders.Go(func() { stall(t, address, head+looksSigned+"Content-Length: 20000000\r\n\r\n"+long) })
	}
	senders.Wait()
	if after := heap(); after > before && after-before > 30<<20 {
		t.Errorf("%d MiB for 300 stalled connections", (after-before)>>20)
	}
	answer := ""
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		code := send(t, http.MethodPost, "http://"+address+"/hooks/platform/agents", "{}", signed("push", "{}"))
		if answer += fmt.Sprint(code, " "); code == http.StatusAccepted {
			break
		}
	}
	if p.count("platform/agents") != 1 {
		t.Errorf("answered %s and nothing was polled", answer)
	}
}

// Who proves nothing is answered the same of a Sync that takes webhooks, of one that does not and of one that there is
// not; and who asks of many names that there are not is treated as by hosts of every kind.
func TestNamesOfSyncsCannotBeFoundOut(t *testing.T) {
	p := hookedSyncs("platform", "closed")
	p.syncs["closed/agents"].Spec.Webhook = nil
	hooks := newHooks(p, &oneSecret{data: map[string][]byte{"secret": []byte("s3cret")}}, quiet())
	ask := func(key string, headers map[string]string, body io.Reader) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/"+key, body)
		r.ContentLength = -1
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		hooks.ServeHTTP(w, r)
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	for what, headers := range map[string]map[string]string{
		"nothing": nil, "another body": signed("push", "another"), "a token": {"X-Gitlab-Token": "x"},
		"half a signature": {"X-Hub-Signature-256": "sha256=00"},
	} {
		want := ask("platform/agents", headers, strings.NewReader("{}"))
		if !strings.HasPrefix(want, "404") {
			t.Errorf("%s: answered %s", what, want)
		}
		for _, key := range []string{"closed/agents", "platform/nobody", "nowhere/agents"} {
			if got := ask(key, headers, strings.NewReader("{}")); got != want {
				t.Errorf("%s: %s is answered %s, and one that takes webhooks %s", what, key, got, want)
			}
		}
	}
	kinds := map[string]bool{}
	for i := range 500 {
		provider, secret := newStrangers().of(fmt.Sprint("platform/", i))
		kinds[string(provider)] = len(secret) > 0
	}
	if len(kinds) != len(forge.HookProviders()) {
		t.Errorf("names that there are not are treated as by %v", kinds)
	}
}

// While 32 bodies are being read there is no room for another, until one of them has taken a second: that one has to go.
func TestTheSlowestBodyMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bodies
		var stopped []int
		var leave []func()
		for i := range maxBodies {
			done, ok := b.enter(func() { stopped = append(stopped, i) })
			if leave = append(leave, done); !ok {
				t.Fatalf("no room for the body %d", i)
			}
		}
		if _, ok := b.enter(nil); ok {
			t.Error("there is room for one more")
		}
		leave[3]()
		if _, ok := b.enter(func() {}); !ok {
			t.Error("no room where one has left")
		}
		time.Sleep(bodyPatience)
		for range 2 {
			if _, ok := b.enter(func() {}); !ok {
				t.Error("who sends slowly keeps others out")
			}
		}
		if leave[0](); !slices.Equal(stopped, []int{0, 1}) || b.reading.Len() != maxBodies {
			t.Errorf("stopped were %v, %d are left", stopped, b.reading.Len())
		}
	})
}

// A webhook that is sent again and again polls every five seconds and no more often, and the last one is not lost.
func TestARecordedWebhookPollsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hookedSyncs("platform", "other")
		hooks := newHooks(p, &oneSecret{data: map[string][]byte{"secret": []byte("s3cret")}}, quiet())
		for i := range 600 {
			if code := hookTo(t, hooks, "platform"); code != http.StatusAccepted {
				t.Fatalf("answered %d", code)
			}
			if i == 300 && (hookTo(t, hooks, "other") != http.StatusAccepted || p.count("other/agents") != 1) {
				t.Error("another Sync waits")
			}
			time.Sleep(97 * time.Millisecond)
		}
		if n := p.count("platform/agents"); n != 12 {
			t.Errorf("%d polls in 58 seconds", n)
		}
		time.Sleep(time.Minute)
		if n := p.count("platform/agents"); n != 13 {
			t.Errorf("%d polls in all: want one more for the last webhooks, and then none", n)
		}
	})
}

// A server has 512 connections at once: who comes then takes the place of who came first.
func TestTheOldestConnectionMakesRoom(t *testing.T) {
	server := newServer(http.NotFoundHandler())
	var clients []net.Conn
	for range maxConnections + 2 {
		client, conn := net.Pipe()
		clients = append(clients, client)
		server.ConnState(conn, http.StateNew)
		t.Cleanup(func() { server.ConnState(conn, http.StateClosed) })
	}
	for i, client := range clients {
		_ = client.SetReadDeadline(time.Now().Add(time.Millisecond)) // fails where the other end is closed
		if _, err := client.Read(make([]byte, 1)); errors.Is(err, io.EOF) != (i < 2) {
			t.Errorf("connection %d: %v", i, err)
		}
	}
}

// However many Secrets webhooks have named, only those are kept that were read a moment ago.
func TestSecretsOfWebhooksAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hookedSyncs("platform")
		h := hookSecrets{api: &oneSecret{data: map[string][]byte{"secret": []byte("s3cret")}}, log: quiet()}
		for i := range 1000 {
			s := p.syncs["platform/agents"].DeepCopy()
			s.Spec.Webhook.SecretRef.Name = fmt.Sprint("hook-", i)
			_, err := h.of(t.Context(), s)
			check(t, err)
			time.Sleep(time.Second)
		}
		if n := len(h.known); n > 11 {
			t.Errorf("%d Secrets are kept", n)
		}
	})
}
