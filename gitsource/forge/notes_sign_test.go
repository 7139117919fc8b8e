package forge_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// speakers are signers of whom each name may be spoken for by one key.
func speakers(t *testing.T, keys map[string]ssh.Signer) *gitsource.Signers {
	t.Helper()
	var text strings.Builder
	for name, key := range keys {
		text.WriteString(name + " " + string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	}
	s, err := gitsource.ReadSigners(map[string][]byte{"speakers": []byte(text.String())})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signedBy is a writer of a cluster's notes that signs them.
func signedBy(r *repo, cluster string, keys ...ssh.Signer) *forge.Notes {
	n := forge.NewNotes(r.dir, cluster, remote.Auth{}, r.TempDir())
	n.SignBy(func() ([]ssh.Signer, error) { return keys, nil })
	return n
}

// tipOf is the newest commit of a cluster's notes, as it is stored.
func (r *repo) tipOf(cluster string) []byte {
	return []byte(r.git("cat-file", "commit", forge.RefOf(cluster)) + "\n")
}

// Notes that are signed count for the cluster by whose name the key is known, and for no other one: what somebody else
// has signed, or has not, or what stands under another cluster's name, is told apart, with what is wrong with it.
func TestSignedNotesSpeakForTheirCluster(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	eu, us := newKey(t), newKey(t)
	trusted := speakers(t, map[string]ssh.Signer{"eu": eu, "us-*": us})
	report(t, signedBy(r, "eu", eu), status(commits[0], "daemongate/eu", forge.Success, "Complete"))
	report(t, signedBy(r, "us-1", us), status(commits[0], "daemongate/us-1", forge.Success, "Complete"))
	report(t, signedBy(r, "asia", newKey(t)), status(commits[0], "daemongate/asia", forge.Success, "Complete"))
	report(t, forge.NewNotes(r.dir, "plain", remote.Auth{}, t.TempDir()), status(commits[0], "a", forge.Success, "Complete"))
	for _, c := range []struct{ tip, as, want string }{
		{"eu", "eu", ""}, {"us-1", "us-1", ""}, {"us-1", "us-2", ""}, {"eu", "us-1", "may sign for eu, and not for us-1"},
		{"us-1", "eu", "may sign for us-*, and not for eu"}, {"asia", "asia", "not among the signers"}, {"plain", "plain", "is not signed"},
	} {
		if problem := trusted.VerifySpeaker(r.tipOf(c.tip), c.as); (problem == "") != (c.want == "") || !strings.Contains(problem, c.want) {
			t.Errorf("%s as %s: %q, want %q", c.tip, c.as, problem, c.want)
		}
	}
	tip := string(r.tipOf("eu"))
	forged := strings.Replace(tip, tip[len("tree "):len("tree ")+40], strings.Repeat("1", 40), 1)
	if problem := trusted.VerifySpeaker([]byte(forged), "eu"); problem == "" {
		t.Error("a signature counts for another tree")
	}
}

// A signature is for all that stands in the notes. What others have pushed on top, or before the first signed commit, is
// not signed with it: it is gone with the next state, and what was signed stays, also by a key that was exchanged.
func TestNothingOfOthersIsSigned(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 3)
	key, next := newKey(t), newKey(t)
	forge0 := func(commit string) {
		report(t, forge.NewNotes(r.dir, "eu", remote.Auth{}, t.TempDir()), status(commit, "forged", forge.Success, "Complete"))
	}
	show := func(commit string) string { return r.git("log", "-1", "--format=%N", "--notes=daemongate/eu", commit) }
	forge0(commits[0])
	report(t, signedBy(r, "eu", key), status(commits[1], "daemongate/eu", forge.Success, "Complete"))
	if got := show(commits[0]); got != "" {
		t.Errorf("what stood there before the first signature is signed: %q", got)
	}
	forge0(commits[1])
	forge0(commits[2])
	report(t, signedBy(r, "eu", next, key), status(commits[2], "daemongate/eu", forge.Pending, "RollingOut"))
	if first, second := show(commits[1]), show(commits[2]); first != "daemongate/eu: success: Complete" ||
		second != "daemongate/eu: pending: RollingOut" {
		t.Errorf("signed are %q and %q", first, second)
	}
	if problem := speakers(t, map[string]ssh.Signer{"eu": next}).VerifySpeaker(r.tipOf("eu"), "eu"); problem != "" {
		t.Errorf("the tip %s", problem)
	}
	if n := r.git("rev-list", "--count", forge.RefOf("eu")); n != "5" {
		t.Errorf("%s commits of notes, want 5: nobody's push is undone", n)
	}
	tip := string(r.tipOf("eu"))
	report(t, signedBy(r, "eu", next, key), status(commits[2], "daemongate/eu", forge.Pending, "RollingOut"))
	if again := string(r.tipOf("eu")); again != tip {
		t.Error("what is not news was pushed")
	}
}
