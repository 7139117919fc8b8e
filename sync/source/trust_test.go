package source

import (
	"context"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// What runs was verified when it took off: no Secret is asked for to write it again, or to go back to it.
func TestNoSecretHoldsWhatWasVerified(t *testing.T) {
	sync := &api.Sync{}
	sync.Spec.Source.Verify = api.Verify{Mode: api.VerifyEvery}
	sync.Status.LastComplete = hash("1")
	sync.Status.InFlight = &api.Flight{Commit: hash("2"), State: api.Applying}
	s := &Source{} // which can read no Secret
	for _, commit := range []string{hash("1"), hash("2")} {
		if err := s.Doubt(t.Context(), sync, commit); err != nil {
			t.Errorf("%s waits: %s", api.Short(commit), err)
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
	tr := trust{mode: api.VerifyEvery, repo: repo, accept: []string{hash("9")},
		signersChanged: func() bool { return doubt },
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
	if tagged := look(h, false, 1); len(tagged.Unverified) != 1 ||
		tagged.Unverified[hash("3")] != "tag v1 is not annotated, so it has no signature" {
		t.Errorf("with mode Tag: %v", tagged.Unverified)
	}
	tr.mode = api.VerifyNone
	look(h, false, 0)
}
