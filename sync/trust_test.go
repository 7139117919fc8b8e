package sync

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// sshKey makes a key to sign with, and returns a line of allowed_signers for it.
func (w *world) sshKey(name string) string {
	w.t.Helper()
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", w.keyFile(name)).CombinedOutput()
	if err != nil {
		w.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(w.keyFile(name) + ".pub")
	w.check(err)
	return "ada@example.com " + string(public)
}

func (w *world) keyFile(name string) string { return filepath.Join(filepath.Dir(w.url), name) }

// sign has the commits from now on signed with a key, or not at all.
func (w *world) sign(name string) {
	w.git("config", "gpg.format", "ssh")
	w.git("config", "user.signingkey", w.keyFile(name))
	w.git("config", "commit.gpgsign", fmt.Sprint(name != ""))
}

// signers writes the Secret with the keys that count.
func (w *world) signers(lines string) {
	w.t.Helper()
	secrets := w.kube.CoreV1().Secrets(w.namespace)
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "signers"}, StringData: map[string]string{"allowed_signers": lines}}
	if _, err := secrets.Create(w.t.Context(), s, metav1.CreateOptions{}); err == nil {
		return
	}
	_, err := secrets.Update(w.t.Context(), s, metav1.UpdateOptions{})
	w.check(err)
}

func (w *world) patch(text string) {
	w.t.Helper()
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(w.t.Context(), "agents", "application/merge-patch+json",
		[]byte(text), metav1.PatchOptions{})
	w.check(err)
}

// With Every, a commit without a signature is Failed, and a signed child waits behind it until a person accepts it by its
// hash. A key that is added counts without a restart. One that is taken away counts no more, also for a commit that was
// verified before and has waited.
func TestNothingPassesAnUnverifiedCommit(t *testing.T) {
	w := newWorld(t)
	first, second := w.sshKey("first"), w.sshKey("second")
	w.signers(first)
	w.sign("first")
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) {
		s.Source.Verify = api.Verify{Mode: api.VerifyEvery, SecretRef: &api.LocalObjectReference{Name: "signers"}}
	})
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)

	w.sign("")
	v2 := w.push("v2", map[string]string{"a.yaml": configMap("a", "2")})
	if r := w.waitFor(v2, api.Failed); r.Message.Private != "commit "+api.Short(v2)+" is not signed" {
		t.Errorf("Failed: %q", r.Message.Private)
	}
	w.sign("first")
	v3 := w.push("v3", map[string]string{"a.yaml": configMap("a", "3")})
	w.waitFor(v3, api.Held)
	w.patch(`{"spec":{"source":{"verify":{"accept":["` + v2 + `"]}}}}`)
	w.waitFor(v3, api.Complete)
	w.told(v2, "success")

	w.sign("second")
	v4 := w.push("v4", map[string]string{"a.yaml": configMap("a", "4")})
	w.waitFor(v4, api.Failed)
	w.signers(second)
	w.waitFor(v4, api.Complete)

	w.patch(`{"spec":{"windows":[{"deny":"* * * * *","duration":"1h"}]}}`)
	v5 := w.push("v5", map[string]string{"a.yaml": configMap("a", "5")})
	w.waitFor(v5, api.Held)
	w.signers(first)
	w.patch(`{"spec":{"windows":null}}`)
	w.waitFor(v5, api.Failed)
	if s := w.status(); s.InFlight.Commit != v4 {
		t.Errorf("%s took off", api.Short(s.InFlight.Commit))
	}
}

// What runs was verified when it took off: no Secret is asked for to write it again, or to go back to it.
func TestNoSecretHoldsWhatWasVerified(t *testing.T) {
	l := &lane{sync: &api.Sync{}}
	l.sync.Spec.Source.Verify = api.Verify{Mode: api.VerifyEvery}
	l.sync.Status.LastComplete = hash("1")
	l.sync.Status.InFlight = &api.Flight{Commit: hash("2"), State: api.Applying}
	c := &Controller{} // which can read no Secret
	for _, commit := range []string{hash("1"), hash("2")} {
		if r := c.doubt(t.Context(), l, commit); r != nil {
			t.Errorf("%s waits: %s", api.Short(commit), r.Problem.Private)
		}
	}
}

// vouched is a repository in which some commits are signed, and all tags.
type vouched struct {
	Repository
	unsigned map[string]bool
}

func (v *vouched) Verify(commit string, _ *gitsource.Signers) (string, error) {
	if v.unsigned[commit] {
		return "is not signed", nil
	}
	return "", nil
}

func (v *vouched) VerifyTag(gitsource.Ref, string, *gitsource.Signers) (string, error) {
	return "is not annotated, so it has no signature", nil
}

// Law 12: signers are read when there is something to verify, and not at every poll.
func TestSignersAreReadWhenNeeded(t *testing.T) {
	reads, key, doubt := 0, "one", false
	repo := &vouched{unsigned: map[string]bool{}}
	tr := trust{mode: api.VerifyEvery, repo: repo, accept: []string{hash("9")}, doubted: func() bool { return doubt },
		signers: func(context.Context) (*gitsource.Signers, error) {
			reads++
			s, _ := gitsource.ReadSigners(map[string][]byte{"keys": []byte(key)}) // whose keys do not matter here
			return s, nil
		}}
	look := func(h *gate.History, seen bool, wantReads int) *gate.History {
		t.Helper()
		reads = 0
		verified, err := tr.verify(t.Context(), h, seen)
		if err != nil || reads != wantReads {
			t.Errorf("%d reads, want %d; %v", reads, wantReads, err)
		}
		return verified
	}
	h := &gate.History{Head: hash("3"), Commits: []gate.Commit{{Hash: hash("2")}, {Hash: hash("9")}, {Hash: hash("3")}}}
	good := look(h, false, 1)
	look(good, true, 0)
	doubt = true
	look(good, true, 1)
	doubt = false
	repo.unsigned[hash("2")], repo.unsigned[hash("9")] = true, true
	bad := look(h, false, 1)
	if len(bad.Unverified) != 1 || bad.Unverified[hash("2")] != "commit 2222222 is not signed" {
		t.Errorf("unverified: %v", bad.Unverified)
	}
	if again := look(bad, true, 1); again != bad {
		t.Error("verified anew with the same signers")
	}
	key = "two"
	repo.unsigned[hash("2")] = false
	if again := look(bad, true, 1); len(again.Unverified) > 0 {
		t.Errorf("with other signers: %v", again.Unverified)
	}
	tr.mode, tr.ref = api.VerifyTag, gitsource.Ref{Tag: "v1"}
	if tagged := look(h, false, 1); len(tagged.Unverified) != 1 || tagged.Unverified[hash("3")] != "tag v1 is not annotated, so it has no signature" {
		t.Errorf("with mode Tag: %v", tagged.Unverified)
	}
	tr.mode = api.VerifyNone
	look(h, false, 0)
}
