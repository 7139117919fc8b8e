package controller

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// tokenHost serves the repositories in a folder to who knows the token, with TLS or without, and counts who shows one.
func tokenHost(t *testing.T, root string, start func(http.Handler) *httptest.Server) (server *httptest.Server,
	shown *atomic.Int64) {
	t.Helper()
	at, err := url.Parse(gittest.ServeHTTP(t, root, "t0ken", func() {}))
	check(t, err)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
	shown = new(atomic.Int64)
	server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			shown.Add(1)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server, shown
}

// The token goes to the host of the Sync's repository, and to no other one, whatever the URL in .gitmodules makes of
// it.
func TestSubmodulesOverHTTPSGetTheTokenOfTheirHost(t *testing.T) {
	for scheme, start := range map[string]func(http.Handler) *httptest.Server{"https": httptest.NewTLSServer,
		"http": httptest.NewServer} {
		root := t.TempDir()
		host, shown := tokenHost(t, root, start)
		other, otherShown := tokenHost(t, root, start)
		secret := map[string]string{"token": "t0ken", "allowHTTP": "true"}
		if scheme == "https" {
			secret["ca.crt"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
				Bytes: host.Certificate().Raw}))
		}
		name := strings.TrimPrefix(host.URL, scheme+"://")
		for i, c := range []struct {
			url  string
			here bool
		}{
			{"../child", true}, {host.URL + "/org%d/child", true}, {other.URL + "/org%d/child", false},
			{strings.Replace(other.URL, "://", "://"+url.PathEscape(name)+"@", 1) + "/org%d/child", false},
		} {
			org := fmt.Sprintf("org%d", i)
			parentOf(t, filepath.Join(root, org), strings.ReplaceAll(c.url, "org%d", org))
			before := shown.Load()
			content, err := openAll(t, connectionsWith(t, secret), syncOf(host.URL+"/"+org+"/parent"), "m/file")
			if c.here != (err == nil) || c.here != (content == "of the child") || shown.Load() == before {
				t.Errorf("%s: read %q: %v", c.url, content, err)
			}
		}
		if otherShown.Load() > 0 {
			t.Errorf("%s: the other host was shown the token", scheme)
		}
	}
}
