package remote

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// guarded is where connections of a controller may lead that looks after others' Syncs.
func guarded(t *testing.T) Reach {
	t.Helper()
	_, denied, err := net.ParseCIDR("10.96.0.0/12")
	if err != nil {
		t.Fatal(err)
	}
	return Reach{NoLocal: true, NoFiles: true, Deny: []net.IPNet{*denied}}
}

// Addresses of this machine, of its link and of denied networks are refused, in whatever way they are written; others
// are not, private ones least of all: Git hosts stand there.
func TestWhichAddressesAreRefused(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:80": true, "127.8.8.8:22": true, "[::1]:443": true, "0.0.0.0:80": true, "0.1.2.3:80": true,
		"[::]:80": true, "169.254.169.254:80": true, "[fe80::1%eth0]:80": true, "224.0.0.1:80": true,
		"[ff02::1]:80": true, "[::ffff:127.0.0.1]:80": true, "[::ffff:169.254.169.254]:80": true,
		"[64:ff9b::7f00:1]:80": true, "[::ffff:0.1.2.3]:80": true, "10.96.0.1:443": true, "[::ffff:10.96.0.1]:443": true,
		"10.0.0.1:80": false, "192.168.1.1:22": false, "192.0.2.1:443": false, "[2001:db8::1]:443": false,
		"[fd00::1]:443": false,
	} {
		if err := guarded(t).Control("tcp", address, nil); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
		if err := (Reach{}).Control("tcp", address, nil); err != nil {
			t.Errorf("%s is refused although nothing is asked for: %v", address, err)
		}
	}
}

// Whoever names a server of this machine, over http or ssh or through a proxy, by address or by name, is refused before
// anything is connected to.
func TestServersOfThisMachineAreNotCalled(t *testing.T) {
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer server.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	known := Auth{Password: "x", KnownHosts: []byte("localhost ssh-ed25519 " +
		"AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n")}
	proxied := known
	proxied.Proxy = "socks5://" + strings.TrimPrefix(server.URL, "http://")
	for url, auth := range map[string]Auth{
		server.URL + "/x.git": {}, "http://localhost:" + port + "/x.git": {},
		"ssh://git@localhost:" + port + "/x.git": known, "ssh://git@git.invalid/x.git": proxied,
		"http://git.invalid/x.git": {Proxy: server.URL},
	} {
		r, err := New(url, auth, Options{Reach: guarded(t)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(context.Background()); err == nil || !strings.Contains(err.Error(), "--allow-local-networks") {
			t.Errorf("%s: %v", url, err)
		}
		r.Close()
	}
	if called {
		t.Error("the server was called")
	}
}

// A repository of this machine is refused before anything is looked at, so that nobody learns which paths there are.
func TestRepositoriesOfThisMachineAreRefused(t *testing.T) {
	for _, url := range []string{"/", "/no/such/path", "file:///", "file:///no/such", "FILE:///etc", "relative/path",
		"./here", "../there", "~/repo", t.TempDir()} {
		if _, err := New(url, Auth{}, Options{Reach: guarded(t)}); !errors.Is(err, ErrLocal) ||
			err.Error() != ErrLocal.Error() {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// No redirect leads to another host, port or scheme; to another host of one's own asking, and without credentials, never
// from https to http.
func TestWhereRedirectsMayLead(t *testing.T) {
	for _, c := range []struct {
		from, to string
		auth     Auth
		asked    bool
		followed bool
	}{
		{"https://a.test/x", "https://a.test/y", Auth{Token: "t"}, false, true},
		{"https://a.test/x", "https://b.test/x", Auth{}, false, false},
		{"https://a.test/x", "https://a.test:8443/x", Auth{}, false, false},
		{"https://a.test/x", "http://a.test/x", Auth{}, false, false},
		{"http://a.test/x", "https://a.test/x", Auth{}, false, false},
		{"https://a.test/x", "https://b.test/x", Auth{}, true, true},
		{"http://a.test/x", "https://b.test/x", Auth{}, true, true},
		{"https://a.test/x", "http://b.test/x", Auth{}, true, false},
		{"https://a.test/x", "http://a.test/x", Auth{}, true, false},
		{"https://a.test/x", "https://b.test/x", Auth{Token: "t"}, true, false},
	} {
		first := httptest.NewRequest(http.MethodGet, c.from, nil)
		next := httptest.NewRequest(http.MethodGet, c.to, nil)
		err := staysAtHome(c.auth, Reach{Redirects: c.asked})(next, []*http.Request{first})
		if (err == nil) != c.followed {
			t.Errorf("from %s to %s: %v", c.from, c.to, err)
		}
	}
}
