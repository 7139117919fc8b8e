package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/sync/notify"
)

var event = notify.Event{SpecVersion: "1.0", ID: "17", Source: "/namespaces/platform/syncs/agents",
	Type: "io.daemongate.sync.stuck", Data: notify.Data{Text: "Stuck: <ImagePull>"}}

// receiver sends to a server.
func receiver(to To) *Receiver {
	return New(func(context.Context) (To, error) { return to, nil }, http.DefaultTransport)
}

// A message is posted as a CloudEvent in structured mode, with the token and the signature of exactly what is sent; without
// them it says nothing of either.
func TestAMessageIsPosted(t *testing.T) {
	var got http.Header
	var body []byte
	var method, path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, method, path = r.Header, r.Method, r.URL.String()
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	if a := receiver(To{URL: server.URL + "/hook?x=1", Token: "t0ken", Key: []byte("k3y")}).Take(t.Context(), event); a != (notify.Answer{}) {
		t.Fatalf("answer %v", a)
	}
	var is notify.Event
	if err := json.Unmarshal(body, &is); err != nil || is != event {
		t.Errorf("sent %s, %v", body, err)
	}
	if method != "POST" || path != "/hook?x=1" || got.Get("Content-Type") != "application/cloudevents+json; charset=UTF-8" ||
		got.Get("Authorization") != "Bearer t0ken" || got.Get(SignatureHeader) != Sign([]byte("k3y"), body) {
		t.Errorf("%s %s %v", method, path, got)
	}
	if a := receiver(To{URL: server.URL}).Take(t.Context(), event); a != (notify.Answer{}) || got.Get("Authorization") != "" ||
		got.Get(SignatureHeader) != "" {
		t.Errorf("without: %v, %v", a, got)
	}
}

// The signature is the one of RFC 4231's second test case.
func TestSignaturesAreHMACs(t *testing.T) {
	if got := Sign([]byte("Jefe"), []byte("what do ya want for nothing?")); got !=
		"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" {
		t.Error(got)
	}
}

// What a code means: only one that is about the message has it given up. A redirect is not followed, and a pause is kept
// for an hour at most.
func TestWhatCodesMean(t *testing.T) {
	const taken, refused, trouble = "", "refused", "trouble"
	for code, want := range map[int]struct {
		is, says string
		pause    time.Duration
	}{
		200: {taken, "", 0}, 202: {taken, "", 0}, 204: {taken, "", 0},
		302: {trouble, "not followed", 0}, 307: {trouble, "not followed", 0},
		400: {refused, "400", 0}, 413: {refused, "413", 0}, 415: {refused, "415", 0}, 422: {refused, "422", 0},
		401: {trouble, "token", 0}, 403: {trouble, "hmacKey", 0}, 404: {trouble, "check url", 0}, 405: {trouble, "check url", 0},
		407: {trouble, "proxy", 0}, 408: {trouble, "408", 0}, 410: {trouble, "any more", time.Hour}, 425: {trouble, "425", 0},
		429: {trouble, "429", 90 * time.Second}, 500: {trouble, "500", 0}, 502: {trouble, "502", 0},
		503: {trouble, "503", 90 * time.Second},
	} {
		elsewhere := false
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			elsewhere = elsewhere || r.URL.Path == "/elsewhere"
			w.Header().Set("Location", "/elsewhere")
			if code == 429 || code == 503 {
				w.Header().Set("Retry-After", "90")
			}
			w.WriteHeader(code)
			fmt.Fprint(w, "hunter2")
		}))
		a := receiver(To{URL: server.URL}).Take(t.Context(), event)
		server.Close()
		is, err := taken, errors.Join(a.Refused, a.Trouble)
		switch {
		case a.Refused != nil:
			is = refused
		case a.Trouble != nil:
			is = trouble
		}
		if is != want.is || a.Pause != want.pause || elsewhere || err != nil && (!strings.Contains(err.Error(), want.says) ||
			strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%d: %s (%v), pause %v, want %+v; elsewhere: %v", code, is, err, a.Pause, want, elsewhere)
		}
	}
	for text, want := range map[string]time.Duration{"": 0, "-5": 0, "999999999999": time.Hour, "soon": 0,
		"Tue, 24 Nov 2026 12:00:30 GMT": 30 * time.Second, "Tue, 24 Nov 2026 11:00:00 GMT": 0} {
		if got := pauseOf(http.Header{"Retry-After": {text}}, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)); got != want {
			t.Errorf("Retry-After %q: %v", text, got)
		}
	}
}

// Whatever goes wrong, with a server that repeats all that it was sent, or a proxy: no error repeats the token, the key,
// or the URL beyond its host.
func TestNoErrorRepeatsWhatIsSecret(t *testing.T) {
	const path, query, token, key = "/p4th/s3cret", "qu3ry", "t0ken-s3cret", "k3y-s3cret"
	echo := func(form string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h, ok := w.(http.Hijacker)
			if !ok {
				t.Error("no hijacker")
				return
			}
			conn, _, err := h.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = fmt.Fprintf(conn, form, r.URL.String()+r.Header.Get("Authorization"))
		}))
	}
	open := func(address string) To {
		return To{URL: address + path + "?token=" + query, Token: token, Key: []byte(key)}
	}
	proxied := func(form string) *Receiver {
		proxy := echo(form)
		t.Cleanup(proxy.Close)
		u, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("ada", "pr0xy-s3cret")
		return New(func(context.Context) (To, error) { return open("https://receiver.invalid"), nil },
			&http.Transport{Proxy: http.ProxyURL(u)})
	}
	garbage, half := echo("%s\r\n\r\n"), echo("HTTP/1.1 999999 %[1]s\r\nX: %[1]s\r\n\r\n")
	defer garbage.Close()
	defer half.Close()
	plain := httptest.NewTLSServer(http.NotFoundHandler())
	defer plain.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, r := range map[string]*Receiver{"garbage": receiver(open(garbage.URL)), "half": receiver(open(half.URL)),
		"unknown authority": receiver(open(plain.URL)), "gone": receiver(open(gone.URL)),
		"no TLS":  receiver(open(strings.Replace(garbage.URL, "http:", "https:", 1))),
		"no host": receiver(open("http://receiver.invalid")), "proxy": proxied("HTTP/1.1 407 %s\r\n\r\n"),
		"not a URL": receiver(open("http://a b"))} {
		a := r.Take(t.Context(), event)
		err := errors.Join(a.Trouble, a.Refused)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, secret := range []string{"p4th", "s3cret", query, token, key} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, open("http://a")); strings.Contains(text, "s3cret") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	if text, err := json.Marshal(open("http://a")); err != nil || strings.Contains(string(text), "s3cret") {
		t.Errorf("%s, %v", text, err)
	}
}

// The same trouble is told in the same words, although each try has another port of this side, or it would be told again
// and again.
func TestTheSameTroubleHasTheSameWords(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				_, _ = tcp.Read(make([]byte, 1))
				_ = tcp.SetLinger(0) // a reset
			}
			_ = conn.Close()
		}
	}()
	said := map[string]bool{}
	for range 3 {
		said[fmt.Sprint(receiver(To{URL: "http://" + l.Addr().String()}).Take(t.Context(), event).Trouble)] = true
	}
	if len(said) != 1 {
		t.Errorf("%v", said)
	}
}

// What is no URL to send messages to, and why; none of it is repeated.
func TestWhichURLsAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"hooks.example.com/s3cret": "https://host/path", "/s3cret": "https://host/path", "https:///s3cret": "https://host/path",
		"ftp://hooks.example.com/s3cret": "https://host/path", "slack://s3cret@hooks": "https://host/path",
		"https://[::1/s3cret": "https://host/path", "https:s3cret": "https://host/path", "https://a/\x7fs3cret": "https://host/path",
		"https://ada:s3cret@hooks.example.com/": "no user", "https://s3cret@hooks.example.com/": "no user",
		"https://hooks.example.com/#s3cret": "fragment", "http://hooks.example.com/s3cret": "allowHTTP",
	} {
		if err := Check(text, false); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, plain := range map[string]bool{"https://hooks.example.com/a?b=c": false, "HTTPS://[2001:db8::1]:8443": false,
		"http://hooks.example.com/": true} {
		if err := Check(text, plain); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
