package gitsource_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// vault is where credentials are kept and exchanged.
type vault struct {
	token atomic.Value // string; empty if there are none
	reads atomic.Int64
}

func newVault(token string) *vault {
	v := &vault{}
	v.token.Store(token)
	return v
}

func (v *vault) read(context.Context) (gitsource.Auth, error) {
	v.reads.Add(1)
	if token := v.token.Load().(string); token != "" {
		return gitsource.Auth{Token: token}, nil
	}
	return gitsource.Auth{}, errors.New(`secrets "git" not found`)
}

// lend opens a repository with the credentials of a Secret.
func lend(t testing.TB, url string, read gitsource.Source) *gitsource.Repository {
	t.Helper()
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	t.Cleanup(store.Close)
	r, err := store.Lend(url, "Secret platform/git", read)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A token that was exchanged is picked up by the poll that meets it: nobody restarts anything and no poll fails. As
// long as the old one is good, it is not read again.
func TestExchangedTokenIsPickedUp(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	server := serve(t, w.dir)
	server.user, server.password = "x-access-token", "old"
	v := newVault("old")
	r := lend(t, server.URL+"/.git", v.read)
	for range 3 {
		head(t, r)
	}
	if n := v.reads.Load(); n != 1 {
		t.Errorf("the credentials were read %d times while they were good", n)
	}
	server.password = "new"
	v.token.Store("new")
	tip := w.commit("b")
	if got := head(t, r); got != tip {
		t.Errorf("head is %s, want %s", got, tip)
	}
	head(t, r)
	if n := v.reads.Load(); n != 2 {
		t.Errorf("the credentials were read %d times, want 2", n)
	}
}

// A token that was revoked and not exchanged is an error that names where it is; and is read again at every poll, so
// that the new one counts as soon as it is there.
func TestRevokedTokenIsAClearError(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	server := serve(t, w.dir)
	server.user, server.password = "x-access-token", "good"
	v := newVault("revoked-s3cret")
	r := lend(t, server.URL+"/.git", v.read)
	for range 2 {
		err := wrong(t, r, main, "does not accept the credentials", "Secret platform/git", "read again just now")
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v holds the token", err)
		}
	}
	v.token.Store("")
	wrong(t, r, main, "not found")
	v.token.Store("good")
	head(t, r)
}

// Credentials that cannot be read when a process begins keep nobody from what the mirror has already.
func TestMirrorIsReadWithoutCredentials(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.change("a.yaml", "one")
	server := serve(t, w.dir)
	dir, v := t.TempDir(), newVault("any")
	open := func() *gitsource.Repository {
		store := gitsource.Open(dir, patient(gitsource.Options{}))
		t.Cleanup(store.Close)
		r, err := store.Lend(server.URL+"/.git", "Secret platform/git", v.read)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	head(t, open())
	v.token.Store("")
	r := open()
	wrong(t, r, main, "not found")
	tree, err := r.Tree(t.Context(), tip)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.ReadFile("a.yaml"); err != nil {
		t.Error(err)
	}
}
