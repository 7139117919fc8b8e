package gitsource_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// safe is a Secret with credentials of any kind, which can be exchanged.
type safe struct {
	mu   sync.Mutex
	auth gitsource.Auth
}

func (s *safe) put(auth gitsource.Auth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = auth
}

func (s *safe) read(context.Context) (gitsource.Auth, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.auth, nil
}

// rotate exchanges what is in a Secret after the server has done so: who keeps the old one gets an error with those
// words, and a repository of the Secret has no poll that fails.
func rotate(t *testing.T, r *gitsource.Repository, s *safe, w *work, words string, next gitsource.Auth) {
	t.Helper()
	wrong(t, open(t, r.String(), s.auth, gitsource.Options{}), main, words)
	s.put(next)
	tip := w.commit("after the exchange")
	if got := head(t, r); got != tip {
		t.Errorf("head is %s, want %s", got, tip)
	}
	head(t, r)
}

// An ssh key and known_hosts are exchanged without a restart.
func TestSSHKeysAndKnownHostsAreExchanged(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	user, private := sshtest.NewKey(t)
	server := serveSSH(t, user.PublicKey())
	s := &safe{auth: gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: server.knownHosts()}}
	r := lend(t, "ssh://git@"+server.address+w.dir, s.read)
	head(t, r)

	nextUser, nextPrivate := sshtest.NewKey(t)
	nextKey := gitsource.Auth{SSHKey: pemOf(t, nextPrivate, "open sesame"), SSHPassphrase: "open sesame",
		KnownHosts: server.knownHosts()}
	server.exchange(server.key, nextUser.PublicKey())
	rotate(t, r, s, w, "does not accept the ssh key", nextKey)

	nextHost, _ := sshtest.NewKey(t)
	server.exchange(nextHost, nextUser.PublicKey())
	nextKey.KnownHosts = server.knownHosts()
	rotate(t, r, s, w, "is not the one in known_hosts", nextKey)
}

// A proxy is exchanged without a restart.
func TestProxiesAreExchanged(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	backend := serve(t, w.dir)
	proxy := func() *httptest.Server {
		p := httptest.NewServer(backend.Config.Handler) // which asks for nothing but the path
		t.Cleanup(p.Close)
		return p
	}
	old, next := proxy(), proxy()
	s := &safe{auth: gitsource.Auth{Proxy: old.URL}}
	r := lend(t, "http://git.invalid/.git", s.read)
	head(t, r)
	old.Close()
	rotate(t, r, s, w, "connection refused", gitsource.Auth{Proxy: next.URL})
}
