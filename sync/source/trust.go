package source

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// trust is how the commits of one Sync are verified.
type trust struct {
	mode    api.VerifyMode
	accept  []string
	repo    Repository
	ref     gitsource.Ref
	signers func(context.Context) (*gitsource.Signers, error)
	// signersChanged reports whether the signers may have changed, once.
	signersChanged func() bool
}

// verifies reports whether commits need a signature.
func verifies(mode api.VerifyMode) bool { return mode != "" && mode != api.VerifyNone }

// verify returns a history together with what is not verified of it. The signers are read when there is something
// new to verify, while something is not verified, and when they are in doubt; not at every poll. A commit's
// signature is for good, but a tag of the same commit may be signed anew: one that does not count is verified again.
// What keeps it from being looked at is the poll's error.
func (t trust) verify(ctx context.Context, h *gate.History, seen bool) (*gate.History, error) {
	if !verifies(t.mode) || seen && len(h.Unverified) == 0 && !t.signersChanged() {
		return h, nil
	}
	signers, err := t.signers(ctx)
	if err != nil {
		return nil, err
	}
	same := seen && h.Signers == signers.Fingerprint()
	if same && (t.mode != api.VerifyTag || len(h.Unverified) == 0) {
		return h, nil
	}
	verified := *h
	verified.Signers, verified.Unverified = signers.Fingerprint(), map[string]api.Public{}
	for _, commit := range t.toVerify(h) {
		problem, err := t.problem(commit, signers)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			verified.Unverified[commit] = api.Public(problem)
		}
	}
	if same && maps.Equal(verified.Unverified, h.Unverified) {
		return h, nil
	}
	return &verified, nil
}

// toVerify are the commits that may be applied, the head among them. A tag vouches for the head alone.
func (t trust) toVerify(h *gate.History) []string {
	commits := []string{h.Head}
	for _, c := range h.Commits {
		if c.Hash != h.Head && t.mode != api.VerifyTag {
			commits = append(commits, c.Hash)
		}
	}
	return slices.DeleteFunc(commits, func(c string) bool { return slices.Contains(t.accept, c) })
}

func (t trust) problem(commit string, signers *gitsource.Signers) (string, error) {
	what, verify := "commit "+api.Short(commit), t.repo.Verify
	if t.mode == api.VerifyTag {
		what = t.ref.String()
		verify = func(commit string, s *gitsource.Signers) (string, error) { return t.repo.VerifyTag(t.ref, commit, s) }
	}
	problem, err := verify(commit, signers)
	if err != nil || problem == "" {
		return "", err
	}
	return what + " " + problem, nil
}

var errOtherSigners = errors.New("the signers have changed: it is verified again")
