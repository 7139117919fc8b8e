package gitsource_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// Through an HTTP proxy that wants a password; without the right one the error says so, and shows none.
func TestHTTPProxy(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	backend := serve(t, w.dir)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+secret))
		if got := r.Header.Get("Proxy-Authorization"); got != want || r.URL.Host != "git.invalid" {
			http.Error(rw, fmt.Sprint(r.Header, r.URL), http.StatusProxyAuthRequired)
			return
		}
		backend.Config.Handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	at := func(password string) string {
		return strings.Replace(proxy.URL, "://", "://ada:"+url.PathEscape(password)+"@", 1)
	}
	if got := head(t, open(t, "http://git.invalid/.git", gitsource.Auth{Proxy: at(secret)},
		gitsource.Options{})); got != tip {
		t.Errorf("head is %s, want %s", got, tip)
	}
	for _, where := range []string{"http://git.invalid/.git", "https://git.invalid/.git"} {
		err := wrong(t, open(t, where, gitsource.Auth{Proxy: at("wr0ng-w0rd")}, gitsource.Options{}), main,
			"the proxy does not accept", "407")
		hidden(t, where, err.Error())
	}
}

// socks5 is a proxy that connects every name to one address.
func socks5(t testing.TB, to string) (address string, used *atomic.Int64) {
	t.Helper()
	used = new(atomic.Int64)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 300)
				_, _ = io.ReadFull(conn, b[:2])
				_, _ = io.ReadFull(conn, b[:b[1]])
				conn.Write([]byte{5, 0})
				_, _ = io.ReadFull(conn, b[:5]) // RFC 1928: version, connect, reserved, kind, length of the name
				_, _ = io.ReadFull(conn, b[:int(b[4])+2])
				conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
				there, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer there.Close()
				used.Add(1)
				go io.Copy(there, conn)
				io.Copy(conn, there)
			}()
		}
	}()
	return listener.Addr().String(), used
}

// Through a SOCKS5 proxy, which looks the name up: over http and over ssh.
func TestSOCKS5Proxy(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	proxy, used := socks5(t, serve(t, w.dir).Listener.Addr().String())
	if got := head(t, open(t, "http://git.invalid/.git", gitsource.Auth{Proxy: "socks5h://" + proxy},
		gitsource.Options{})); got != tip || used.Load() == 0 {
		t.Errorf("head is %s, want %s; the proxy was used %d times", got, tip, used.Load())
	}
	key, private := sshtest.NewKey(t)
	server := serveSSH(t, key.PublicKey())
	proxy, used = socks5(t, server.address)
	known := []byte(strings.Replace(string(server.knownHosts()), "["+strings.Replace(server.address, ":", "]:", 1),
		"git.invalid", 1))
	auth := gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: known, Proxy: "socks5://" + proxy}
	if got := head(t, open(t, "ssh://git@git.invalid"+w.dir, auth, gitsource.Options{})); got != tip ||
		used.Load() == 0 {
		t.Errorf("over ssh the head is %s, want %s; the proxy was used %d times", got, tip, used.Load())
	}
	auth.Proxy = "http://" + proxy
	if _, err := gitsource.Open(t.TempDir(), patient(gitsource.Options{})).Repository("ssh://git@git.invalid/x",
		auth); err == nil || !strings.Contains(err.Error(), "socks5") {
		t.Errorf("ssh through an http proxy: %v", err)
	}
}
