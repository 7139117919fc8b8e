package gitsource_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/hosttest"
	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// On a real Git host: what is pushed over http is read over http and ssh, with what each of its credentials allows.
func TestARealGitHost(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t)
	url, err := h.CreateRepo("fleet")
	check(t, err)
	w := newWork(t)
	tip := w.change("agents/kustomization.yaml", "resources: []\n")
	w.git("remote", "add", "origin", h.WithCredentials(url))

	t.Run("an empty repository is said to be empty", func(t *testing.T) {
		wrong(t, open(t, url, gitsource.Auth{Username: h.User, Password: h.Password}, gitsource.Options{}), main,
			"is empty")
	})
	w.git("push", "-q", "origin", "main")
	t.Run("password", func(t *testing.T) {
		reads(t, open(t, url, gitsource.Auth{Username: h.User, Password: h.Password}, gitsource.Options{}), tip)
	})
	t.Run("token that may read", func(t *testing.T) {
		token, err := h.NewToken("read:repository")
		check(t, err)
		reads(t, open(t, url, gitsource.Auth{Username: h.User, Token: token}, gitsource.Options{}), tip)
	})
	t.Run("token without the scope", func(t *testing.T) {
		token, err := h.NewToken("read:user")
		check(t, err)
		err = wrong(t, open(t, url, gitsource.Auth{Username: h.User, Token: token}, gitsource.Options{}), main, url)
		hides(t, err, token)
	})
	t.Run("wrong password", func(t *testing.T) {
		err := wrong(t, open(t, url, gitsource.Auth{Username: h.User, Password: secret}, gitsource.Options{}), main,
			"credentials")
		hides(t, err, secret)
	})
	t.Run("deploy key over ssh", func(t *testing.T) { deployKey(t, h, tip) })
	t.Run("notes beside a protected branch", func(t *testing.T) { notesOnProtected(t, h, w, url, tip) })
}

// reads checks that a repository's main is at a commit and that its files can be read.
func reads(t *testing.T, r *gitsource.Repository, tip string) {
	t.Helper()
	if got := head(t, r); got != tip {
		t.Fatalf("the head is %s, want %s", got, tip)
	}
	tree, err := r.Tree(t.Context(), tip)
	check(t, err)
	if _, err := fs.ReadFile(tree, "agents/kustomization.yaml"); err != nil {
		t.Error(err)
	}
}

// deployKey reads over ssh with a key of the repository, and not before the host has it, nor from a host that is not
// known.
func deployKey(t *testing.T, h *hosttest.Host, tip string) {
	signer, private := sshtest.NewKey(t)
	auth := gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: []byte(h.KnownHosts)}
	wrong(t, open(t, h.SSHURL("fleet"), auth, gitsource.Options{}), main, "deploy keys")
	check(t, h.AddDeployKey("fleet", string(ssh.MarshalAuthorizedKey(signer.PublicKey()))))
	reads(t, open(t, h.SSHURL("fleet"), auth, gitsource.Options{}), tip)
	auth.KnownHosts = []byte(strings.Replace(h.KnownHosts, "127.0.0.1", "192.0.2.1", 1))
	wrong(t, open(t, h.SSHURL("fleet"), auth, gitsource.Options{}), main, "SHA256:", "known_hosts")
}

// notesOnProtected reports by notes where nobody may push to the branch itself: not with a token that may only read.
func notesOnProtected(t *testing.T, h *hosttest.Host, w *work, url, tip string) {
	check(t, h.Protect("fleet", "main"))
	status := forge.Status{Commit: tip, Context: "daemongate/test", State: forge.Success,
		Description: "Complete: 12 nodes"}
	mayRead, err := h.NewToken("read:repository")
	check(t, err)
	err = forge.NewNotes(url, "prod", gitsource.Auth{Username: h.User, Token: mayRead}, t.TempDir()).Report(t.Context(),
		[]forge.Status{status}).Err()
	if err == nil {
		t.Error("a token that may only read has written")
	}
	hides(t, errors.Join(err), mayRead)
	mayWrite, err := h.NewToken("write:repository")
	check(t, err)
	check(t, forge.NewNotes(url, "prod", gitsource.Auth{Username: h.User, Token: mayWrite}, t.TempDir()).Report(t.Context(),
		[]forge.Status{status}).Err())
	w.git("fetch", "-q", "origin", "+refs/notes/*:refs/notes/*")
	if note := w.git("notes", "--ref=daemongate/prod", "show", tip); !strings.Contains(note, "Complete: 12 nodes") {
		t.Errorf("the note says %q", note)
	}
}

func hides(t *testing.T, err error, credential string) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), credential) {
		t.Errorf("the error shows the credential: %v", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
