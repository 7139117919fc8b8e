package gitsource_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// notary signs with real keys that it makes itself.
type notary struct {
	*work
	keys string // folder
	gpg  string // folder of gpg
}

func newNotary(t *testing.T) *notary {
	t.Helper()
	gpg, err := os.MkdirTemp("", "gpg") // short: gpg-agent's socket is in it
	if err != nil {
		t.Fatal(err)
	}
	n := &notary{newWork(t), t.TempDir(), gpg}
	t.Cleanup(func() {
		n.run("", "gpgconf", "--homedir", gpg, "--kill", "all")
		os.RemoveAll(gpg)
	})
	n.git("config", "gpg.program", n.script("gpg", `exec gpg --homedir "`+gpg+`" --batch "$@"`))
	return n
}

func (n *notary) script(name, text string) string {
	path := filepath.Join(n.keys, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		n.Fatal(err)
	}
	return path
}

func (n *notary) run(stdin, name string, args ...string) string {
	n.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Stdin = n.keys, strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	if err != nil {
		n.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// sshKey makes a key and returns its public half. Options such as -C follow.
func (n *notary) sshKey(name, kind string) string {
	n.Helper()
	n.run("", "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", filepath.Join(n.keys, name))
	public, err := os.ReadFile(filepath.Join(n.keys, name+".pub"))
	if err != nil {
		n.Fatal(err)
	}
	return strings.TrimSpace(string(public))
}

// pgpKey makes a key and returns its armored public half.
func (n *notary) pgpKey(email, kind string) string {
	n.Helper()
	n.run("", "gpg", "--homedir", n.gpg, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", email, kind,
		"sign")
	return n.run("", "gpg", "--homedir", n.gpg, "--batch", "--armor", "--export", email)
}

func (n *notary) fingerprint(email string) string {
	n.Helper()
	_, after, _ := strings.Cut(n.run("", "gpg", "--homedir", n.gpg, "--batch", "--with-colons", "--fingerprint", email),
		"fpr:::::::::")
	return after[:40]
}

// signSSH and signPGP commit with a signature.
func (n *notary) signSSH(key, subject string) string {
	n.Helper()
	n.git("-c", "gpg.format=ssh", "-c", "user.signingkey="+filepath.Join(n.keys, key), "commit", "-q", "--allow-empty",
		"-S", "-m", subject)
	return n.git("rev-parse", "HEAD")
}

func (n *notary) signPGP(email, subject string) string {
	n.Helper()
	n.git("-c", "user.signingkey="+email, "commit", "-q", "--allow-empty", "-S", "-m", subject)
	return n.git("rev-parse", "HEAD")
}

// forge changes a commit behind its signature's back and puts main at it.
func (n *notary) forge(commit, old, new string) string {
	n.Helper()
	raw := n.git("cat-file", "commit", commit)
	if !strings.Contains(raw, old) {
		n.Fatalf("there is no %q in\n%s", old, raw)
	}
	forged := n.gitIn(strings.Replace(raw, old, new, 1)+"\n", "hash-object", "-t", "commit", "-w", "--stdin")
	n.git("reset", "-q", "--hard", forged)
	return forged
}

func signers(t *testing.T, files ...string) *gitsource.Signers {
	t.Helper()
	m := map[string][]byte{}
	for i, f := range files {
		m[string(rune('a'+i))] = []byte(f)
	}
	s, err := gitsource.ReadSigners(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Commits that git itself signed, with keys of every common kind, are verified; for all others it is said why not.
func TestSignaturesOfCommits(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	ed, rsa, ecdsa := n.sshKey("ed", "ed25519"), n.sshKey("rsa", "rsa"), n.sshKey("ecdsa", "ecdsa")
	n.sshKey("stranger", "ed25519")
	pgp, pgpRSA := n.pgpKey("ada@example.com", "ed25519"), n.pgpKey("web-flow@example.com", "rsa2048")
	n.pgpKey("stranger@example.com", "ed25519")
	all := signers(t, pgp+"\n"+pgpRSA, "# the team\nada@example.com "+ed+"\n\n*@example.com namespaces=\"git\" "+rsa+
		"\n\"ada@example.com,bob@example.com\" "+ecdsa+"\n")

	type story struct {
		commit, want string
		by           *gitsource.Signers
	}
	stories := map[string]story{
		"not signed":  {n.commit("unsigned"), "is not signed", all},
		"ed25519":     {n.signSSH("ed", "c1"), "", all},
		"rsa":         {n.signSSH("rsa", "c2"), "", all},
		"ecdsa":       {n.signSSH("ecdsa", "c3"), "", all},
		"pgp ed25519": {n.signPGP("ada@example.com", "c4"), "", all},
		"pgp rsa":     {n.signPGP("web-flow@example.com", "c5"), "", all},
		"pgp, a stranger's key": {n.signPGP("stranger@example.com", "c6"),
			"which is not among the signers", all},
		"ssh, a stranger's key": {n.signSSH("stranger", "c7"), "which is not among the signers", all},
		"ssh, another's principal": {n.signSSH("ed", "c8"),
			"may sign for bob@example.com, and not for ada@example.com", signers(t, "bob@example.com "+ed)},
		"ssh, one that is left out": {n.signSSH("ed", "c9"), "and not for ada@example.com",
			signers(t, "*@example.com,!ada@* "+ed)},
		"ssh, two lines for one key": {n.signSSH("ed", "c10"), "", signers(t, "bob@example.com "+ed+
			"\nada@example.com "+ed)},
		"ssh, another namespace": {n.signSSH("ed", "c11"), "and not for git",
			signers(t, `* namespaces="file" `+ed)},
		"ssh, too early": {n.signSSH("ed", "c12"), "is valid only after 2026-06-01",
			signers(t, `* valid-after="20260601Z" `+ed)},
		"ssh, too late": {n.signSSH("ed", "c13"), "is valid only before 2025-06-01",
			signers(t, `* valid-before="20250601000000" `+ed)},
		"ssh, in time": {n.signSSH("ed", "c14"), "",
			signers(t, `* valid-after="20250101",valid-before="20270101" `+ed)},
		"ssh signature, pgp signers": {n.signSSH("ed", "c15"), "which is not among the signers",
			signers(t, pgp)},
		"pgp signature, ssh signers": {n.signPGP("ada@example.com", "c16"), "which is not among the signers",
			signers(t, "* "+ed)},
		"ssh, changed after it was signed": {n.forge(n.signSSH("ed", "c17"), "\n\nc17", "\n\nevil"),
			"does not match", all},
		"pgp, changed after it was signed": {n.forge(n.signPGP("ada@example.com", "c18"), "\n\nc18", "\n\nevil"),
			"does not match", all},
		"ssh, another tree": {n.forge(n.signSSH("ed", "c19"),
			"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904", "tree "+n.otherTree()), "does not match", all},
		"a signature that is none": {n.forge(n.signSSH("ed", "c20"), "SSH SIGNATURE-----\n",
			"SSH SIGNATURE-----\n AAAA"), "cannot be read", all},
		"a signature of an unknown kind": {n.forge(n.signSSH("ed", "c21"), "-----BEGIN SSH SIGNATURE",
			"-----BEGIN NO SIGNATURE"), "unknown kind", all},
		"an X.509 signature": {n.forge(n.signSSH("ed", "c22"), "-----BEGIN SSH SIGNATURE",
			"-----BEGIN SIGNED MESSAGE"), "X.509", all},
		"a second signature header is no key": {n.forge(n.signSSH("stranger", "c23"), "gpgsig ",
			"gpgsig-sha256 junk\ngpgsig "), "which is not among the signers", all},
		"a signed child of a forged parent": {n.signSSH("ed", "c24"), "", all},
	}
	w := n.work
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			problem, err := r.Verify(s.commit, s.by)
			if err != nil || (problem == "") != (s.want == "") || !strings.Contains(problem, s.want) {
				t.Errorf("%q, %v; want %q", problem, err, s.want)
			}
		})
	}
	if problem, err := r.Verify(strings.Repeat("1", 40), all); err == nil {
		t.Errorf("a commit that is not there: %q", problem)
	}
}

// otherTree is a tree with a file.
func (n *notary) otherTree() string {
	blob := n.gitIn("evil", "hash-object", "-w", "--stdin")
	return n.gitIn("100644 blob "+blob+"\tevil\n", "mktree")
}

// A revoked or expired key is no signer any more.
func TestKeysThatAreOver(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	good := n.pgpKey("bob@example.com", "ed25519")
	byBob := n.signPGP("bob@example.com", "c1")
	lasting := n.pgpKey("ada@example.com", "ed25519")
	byAda := n.signPGP("ada@example.com", "c2")
	// Only now, because nobody can sign with a key that has expired.
	n.run("", "gpg", "--homedir", n.gpg, "--batch", "--quiet", "--quick-set-expire", n.fingerprint("ada@example.com"),
		"seconds=1")
	expires := n.run("", "gpg", "--homedir", n.gpg, "--batch", "--armor", "--export", "ada@example.com")
	revocation, err := filepath.Glob(filepath.Join(n.gpg, "openpgp-revocs.d", "*.rev"))
	if err != nil || len(revocation) != 2 {
		t.Fatal(revocation, err)
	}
	text, err := os.ReadFile(filepath.Join(n.gpg, "openpgp-revocs.d", n.fingerprint("bob@example.com")+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	n.run(strings.Replace(string(text), ":-----BEGIN", "-----BEGIN", 1), "gpg", "--homedir", n.gpg, "--batch",
		"--quiet", "--import")
	revoked := n.run("", "gpg", "--homedir", n.gpg, "--batch", "--armor", "--export", "bob@example.com")
	r := open(t, n.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	for _, s := range []struct{ commit, keys, want string }{
		{byBob, good, ""}, {byBob, revoked, "is revoked"}, {byAda, lasting, ""},
	} {
		if problem, err := r.Verify(s.commit, signers(t, s.keys)); err != nil || (problem == "") != (s.want == "") ||
			!strings.Contains(problem, s.want) {
			t.Errorf("%q, %v; want %q", problem, err, s.want)
		}
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		problem, err := r.Verify(byAda, signers(t, expires))
		if err == nil && strings.Contains(problem, "has expired") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a key that has expired still counts: %q, %v", problem, err)
		}
	}
}

// A tag vouches for the commit that it stands for if it is annotated, signed, and has the name under which it is found.
func TestSignaturesOfTags(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	ed, pgp := n.sshKey("ed", "ed25519"), n.pgpKey("ada@example.com", "ed25519")
	all := signers(t, pgp, "ada@example.com "+ed)
	c1 := n.commit("c1")
	ssh := func(name string) {
		n.git("-c", "gpg.format=ssh", "-c", "user.signingkey="+filepath.Join(n.keys, "ed"), "tag", "-s", "-m", name,
			name)
	}
	ssh("v1")
	n.git("-c", "user.signingkey=ada@example.com", "tag", "-s", "-m", "v2", "v2")
	n.git("tag", "light")
	n.git("tag", "-a", "-m", "unsigned", "unsigned")
	n.git("update-ref", "refs/tags/newest", n.git("rev-parse", "refs/tags/v1"))
	ssh("moves")
	forged := strings.Replace(n.git("cat-file", "tag", "v1"), "tag v1", "tag evil", 1)
	n.git("update-ref", "refs/tags/evil", n.gitIn(forged+"\n", "hash-object", "-t", "tag", "-w", "--stdin"))
	r := open(t, n.dir, gitsource.Auth{}, gitsource.Options{})
	for tag, want := range map[string]string{"v1": "", "v2": "", "light": "is not annotated",
		"unsigned": "is not signed",
		"newest":   "is the tag v1 under another name", "evil": "does not match"} {
		ref := gitsource.Ref{Tag: tag}
		at, err := r.Head(t.Context(), ref)
		if err != nil || at != c1 {
			t.Fatal(at, err)
		}
		problem, err := r.VerifyTag(ref, at, all)
		if err != nil || (problem == "") != (want == "") || !strings.Contains(problem, want) {
			t.Errorf("%s: %q, %v; want %q", tag, problem, err, want)
		}
	}
	c2 := n.commit("c2")
	if problem, err := r.VerifyTag(gitsource.Ref{Tag: "v1"}, c2, all); err == nil || problem != "" ||
		!strings.Contains(err.Error(), "is at "+c1[:10]) {
		t.Errorf("for another commit: %q, %v", problem, err)
	}
	if problem, err := r.VerifyTag(gitsource.Ref{Branch: "main"}, c1, all); err != nil ||
		!strings.Contains(problem, "is no tag") {
		t.Errorf("of a branch: %q, %v", problem, err)
	}
}

// Of a version range the highest version must be signed itself: an old signed version does not vouch for a higher one
// that somebody put beside it, to go back to an old release.
func TestSignaturesOfVersions(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	all := signers(t, n.pgpKey("ada@example.com", "ed25519"), "")
	c1 := n.commit("c1")
	sign := func(name string) { n.git("-c", "user.signingkey=ada@example.com", "tag", "-s", "-m", name, name) }
	ref := gitsource.Ref{SemVer: ">=1"}
	verified := func(at, want string) {
		t.Helper()
		r := open(t, n.dir, gitsource.Auth{}, gitsource.Options{})
		if head, err := r.Head(t.Context(), ref); err != nil || head != at {
			t.Fatal(head, err)
		}
		problem, err := r.VerifyTag(ref, at, all)
		if err != nil || (problem == "") != (want == "") || !strings.Contains(problem, want) {
			t.Errorf("%q, %v; want %q", problem, err, want)
		}
	}
	sign("v1.0.0")
	verified(c1, "")
	c2 := n.commit("c2")
	sign("v1.1.0")
	verified(c2, "")
	n.git("tag", "v9.9.9", c1)
	verified(c1, "is not annotated")
	n.git("update-ref", "refs/tags/v9.9.9", n.git("rev-parse", "refs/tags/v1.0.0"))
	verified(c1, "is the tag v1.0.0 under another name")
}

// What cannot be read among the signers is named by file and line, and never left out in silence.
func TestUnreadableSigners(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	ed := n.sshKey("ed", "ed25519")
	private, err := os.ReadFile(filepath.Join(n.keys, "ed"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                                "there is no key",
		"# nobody\n":                      "there is no key",
		string(private):                   "a private key",
		"ada@example.com\n":               "keys: line 1: there is no key",
		"\nada@example.com ssh-ed25519 x": "keys: line 2: there is no key",
		"* cert-authority " + ed:          "line 1: cert-authority is not supported",
		"* no-touch-required " + ed:       `the option "no-touch-required" is not known`,
		`* valid-after="soon" ` + ed:      `"soon" is no time`,
		`"ada@example.com ` + ed:          "not closed",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n":                                     "has no end",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n": "PGP key 1 cannot be read",
	} {
		_, err := gitsource.ReadSigners(map[string][]byte{"keys": []byte(text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "AAAAC3") {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}
