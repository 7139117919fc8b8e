package source

import (
	"context"
	"errors"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// tagged is a repository whose tag is looked at with a result that the test sets.
type tagged struct {
	Repository
	problem string
	err     error
	looks   int
}

func (r *tagged) VerifyTag(gitsource.Ref, string, *gitsource.Signers) (string, error) {
	r.looks++
	return r.problem, r.err
}

func (r *tagged) trust() trust {
	return trust{mode: api.VerifyTag, repo: r, ref: gitsource.Ref{Tag: "v1"},
		signersChanged: func() bool { return false },
		signers: func(context.Context) (*gitsource.Signers, error) {
			return gitsource.ReadSigners(map[string][]byte{"keys": []byte("* ssh-ed25519 " +
				"AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")})
		}}
}

// That a tag cannot be looked at fails the poll, and no commit; the next one looks again.
func TestATagThatCannotBeLookedAtIsTriedAgain(t *testing.T) {
	repo := &tagged{err: errors.New("the mirror is made anew at the next poll")}
	h := &gate.History{Head: hash("1"), Commits: []gate.Commit{{Hash: hash("1")}}}
	if verified, err := repo.trust().verify(t.Context(), h, false); !errors.Is(err, repo.err) || verified != nil {
		t.Fatalf("%v, %v", verified, err)
	}
	repo.err = nil
	verified, err := repo.trust().verify(t.Context(), h, false)
	if err != nil || len(verified.Unverified) > 0 {
		t.Errorf("%v, %v", verified.Unverified, err)
	}
}

// A tag can be signed anew without another commit, so one that does not count is looked at by every poll; one that
// counts is not.
func TestATagThatIsSignedLaterCounts(t *testing.T) {
	repo := &tagged{problem: "is not signed"}
	verify := func(h *gate.History, seen bool, wantLooks int) *gate.History {
		t.Helper()
		repo.looks = 0
		verified, err := repo.trust().verify(t.Context(), h, seen)
		if err != nil || repo.looks != wantLooks {
			t.Errorf("%d looks, want %d; %v", repo.looks, wantLooks, err)
		}
		return verified
	}
	bad := verify(&gate.History{Head: hash("1"), Commits: []gate.Commit{{Hash: hash("1")}}}, false, 1)
	if bad.Unverified[hash("1")] != "tag v1 is not signed" {
		t.Fatalf("unverified: %v", bad.Unverified)
	}
	if again := verify(bad, true, 1); again != bad {
		t.Error("the same result is another history")
	}
	repo.problem = ""
	good := verify(bad, true, 1)
	if len(good.Unverified) > 0 || len(bad.Unverified) != 1 {
		t.Errorf("after it was signed: %v, before: %v", good.Unverified, bad.Unverified)
	}
	verify(good, true, 0)
}
