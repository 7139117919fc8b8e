package sync

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
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
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "signers"},
		StringData: map[string]string{"allowed_signers": lines}}
	if _, err := secrets.Create(w.t.Context(), s, metav1.CreateOptions{}); err == nil {
		return
	}
	_, err := secrets.Update(w.t.Context(), s, metav1.UpdateOptions{})
	w.check(err)
}

func (w *world) patch(text string) {
	w.t.Helper()
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(w.t.Context(), "agents",
		"application/merge-patch+json",
		[]byte(text), metav1.PatchOptions{})
	w.check(err)
}

// With Every, a commit without a signature is Failed, and a signed child waits behind it until a person accepts it by
// its hash. A key that is added counts without a restart. One that is taken away counts no more, also for a commit that
// was verified before and has waited.
func TestNothingPassesAnUnverifiedCommit(t *testing.T) {
	t.Parallel()
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

// With Every, a branch that somebody begins anew stays barred when a signed commit comes on top, also after a restart on
// another disk. A person lets it pass by naming its head.
func TestARerootedBranchWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signers(w.sshKey("first"))
	w.sign("first")
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) {
		s.Source.Verify = api.Verify{Mode: api.VerifyEvery, SecretRef: &api.LocalObjectReference{Name: "signers"}}
	})
	stop := w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)

	w.git("checkout", "-q", "--orphan", "other")
	w.git("branch", "-q", "-D", "main")
	w.git("branch", "-q", "-m", "main")
	w.sign("")
	v2 := w.push("v2", map[string]string{"a.yaml": configMap("a", "2")})
	w.waitFor(v2, api.Failed)
	w.sign("first")
	v3 := w.push("v3", map[string]string{"a.yaml": configMap("a", "3")})
	if r := w.waitFor(v3, api.Held); !strings.Contains(r.Message.Private, "shares no history with "+api.Short(v1)) {
		t.Errorf("Held: %q", r.Message.Private)
	}
	stop()
	w.controller(shared.Config, t.TempDir())
	v4 := w.push("v4", map[string]string{"a.yaml": configMap("a", "4")})
	if r := w.waitFor(v4, api.Held); !strings.Contains(r.Message.Private, api.Short(v1)) {
		t.Errorf("Held: %q", r.Message.Private)
	}
	if s := w.status(); s.InFlight.Commit != v1 {
		t.Errorf("%s took off", api.Short(s.InFlight.Commit))
	}
	w.patch(`{"spec":{"source":{"verify":{"accept":["` + v4 + `"]}}}}`)
	w.waitFor(v4, api.Complete)
}
