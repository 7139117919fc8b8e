package gitsource_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

const secret = "s3cr3t/%+ w0rd"

// The server asks for a user and password: with them it works, without them or with wrong ones the error says so.
func TestBasicAuthentication(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	server := serve(t, w.dir)
	server.user, server.password = "ada", secret
	at := server.URL + "/.git"
	if got := head(t, open(t, at, gitsource.Auth{Username: "ada", Password: secret}, gitsource.Options{})); got != tip {
		t.Fatalf("head is %s, want %s", got, tip)
	}
	inURL := strings.Replace(at, "://", "://ada:"+url.PathEscape(secret)+"@", 1)
	if got := head(t, open(t, inURL, gitsource.Auth{}, gitsource.Options{})); got != tip {
		t.Fatalf("with the password in the URL the head is %s, want %s", got, tip)
	}
	server.user = "x-access-token"
	if got := head(t, open(t, at, gitsource.Auth{Token: secret}, gitsource.Options{})); got != tip {
		t.Fatalf("with a token the head is %s, want %s", got, tip)
	}
	wrong(t, open(t, at, gitsource.Auth{}, gitsource.Options{}), main, "asks for credentials")
	wrong(t, open(t, at, gitsource.Auth{Token: "old"}, gitsource.Options{}), main, "does not accept the credentials",
		"expired")
}

// Credentials appear in no error, however they were given and whatever the server says of them, and in no print of
// them.
func TestCredentialsAreNeverShown(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	var answer atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(server.Close)
	// A server that repeats everything it is told.
	told := func(r *http.Request) string {
		user, password, _ := r.BasicAuth()
		return fmt.Sprint(r.Header, user, password, r.URL, url.QueryEscape(password), url.PathEscape(password))
	}
	pkt := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	answers := map[string]http.HandlerFunc{
		"401":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 401) },
		"403":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 403) },
		"404":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 404) },
		"500":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 500) },
		"garbage": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, told(r)) },
		"a line":  func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, pkt(told(r))) },
		"an ERR":  func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, pkt("ERR "+told(r))) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "ftp://"+url.PathEscape(told(r))+"@example.invalid/", 302)
		},
		"a dead end": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	}
	auths := map[string]gitsource.Auth{
		"password": {Username: "ada", Password: secret},
		"token":    {Token: secret},
		"bearer":   {Bearer: secret},
		"proxy": {Username: "ada", Password: secret, Proxy: "http://ada:" + url.PathEscape(secret) +
			"@127.0.0.1:1"},
		"in the URL": {},
	}
	for what, auth := range auths {
		for how, a := range answers {
			answer.Store(a)
			at := server.URL + "/x.git"
			if what == "in the URL" {
				at = strings.Replace(at, "://", "://ada:"+url.PathEscape(secret)+"@", 1)
			}
			r := open(t, at, auth, gitsource.Options{})
			_, err := r.Head(t.Context(), main)
			hidden(t, what+", "+how, fmt.Sprintf("%v\n%+v\n%#v", err, err, err))
			hidden(t, what+", "+how, r.String())
			if err == nil {
				t.Errorf("%s, %s: no error", what, how)
			}
		}
		printed, err := json.Marshal(auth)
		if err != nil {
			t.Fatal(err)
		}
		hidden(t, what, fmt.Sprintf("%v %+v %#v %s %q %x %d %s", auth, auth, &auth, auth, auth, auth, auth, printed))
	}
}

// hidden looks for the secret in every form that it could have.
func hidden(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range []string{secret, "s3cr3t", "w0rd", url.PathEscape(secret), url.QueryEscape(secret),
		"czNjcjN0", fmt.Sprintf("%x", secret)} {
		if strings.Contains(text, form) {
			t.Errorf("%s: %q shows %q", what, text, form)
		}
	}
}

// Another host that a redirect leads to is not even asked by who has credentials.
func TestRedirectsGetNoCredentials(t *testing.T) {
	t.Parallel()
	var seen []http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		http.Error(w, "no", 404)
	}))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusFound)
	}))
	t.Cleanup(server.Close)
	for what, auth := range map[string]gitsource.Auth{
		"password": {Username: "ada", Password: secret}, "token": {Token: secret}, "bearer": {Bearer: secret},
	} {
		wrong(t, open(t, server.URL+"/x.git", auth, gitsource.Options{}), main, "redirects to")
		if len(seen) != 0 {
			t.Fatalf("%s: the other host saw %v", what, seen)
		}
	}
}

// Nothing on the disk has a name, or a content, from which credentials could be read.
func TestNothingSecretOnDisk(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	server := serve(t, w.dir)
	server.user, server.password = "ada", secret
	dir := t.TempDir()
	store := gitsource.Open(dir, patient(gitsource.Options{}))
	t.Cleanup(store.Close)
	r, err := store.Repository(server.URL+"/.git", gitsource.Auth{Username: "ada", Password: secret})
	if err != nil {
		t.Fatal(err)
	}
	head(t, r)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden(t, "a name on disk", path)
		if strings.Contains(path, "ada") || d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		hidden(t, path, string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Credentials of one identity can be rotated: the mirror stays, the new ones are used.
func TestCredentialsRotate(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	server := serve(t, w.dir)
	server.user, server.password = "x-access-token", "old"
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	t.Cleanup(store.Close)
	repository := func(token, identity string) *gitsource.Repository {
		r, err := store.Repository(server.URL+"/.git", gitsource.Auth{Token: token, Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := repository("old", "platform/git")
	head(t, r)
	server.password = "new"
	wrong(t, r, main, "does not accept")
	if again := repository("new", "platform/git"); again != r {
		t.Fatal("the same identity has another mirror")
	}
	head(t, r)
	if repository("new", "") == r || repository("new", "other/git") == r || repository("a", "") == repository("b", "") {
		t.Fatal("other credentials share a mirror")
	}
	if server.fetches.Load() != 1 {
		t.Fatalf("%d fetches", server.fetches.Load())
	}
}

// Servers with a certificate of one's own, and servers that ask for one.
func TestCustomCAAndClientCertificate(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	backend := serve(t, w.dir)
	server := httptest.NewUnstartedServer(backend.Config.Handler)
	backend.user, backend.password = "ada", secret // a password as well: both go over TLS
	clientCert, clientKey, pool := clientCertificate(t)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	at := server.URL + "/.git"
	auth := gitsource.Auth{CA: ca, ClientCert: clientCert, ClientKey: clientKey, Username: "ada", Password: secret}
	if got := head(t, open(t, at, auth, gitsource.Options{})); got != tip {
		t.Fatalf("head is %s, want %s", got, tip)
	}
	err := wrong(t, open(t, at, gitsource.Auth{CA: ca, ClientCert: clientCert, ClientKey: clientKey, Token: "w0rd"},
		gitsource.Options{}), main, "does not accept")
	hidden(t, "a wrong token", err.Error())
	wrong(t, open(t, at, gitsource.Auth{ClientCert: clientCert, ClientKey: clientKey}, gitsource.Options{}), main,
		"unknown authority")
	wrong(t, open(t, at, gitsource.Auth{CA: ca}, gitsource.Options{}), main, "certificate")
}

func clientCertificate(t *testing.T) (cert, key []byte, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), pool
}
