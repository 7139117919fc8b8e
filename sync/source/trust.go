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
	verified.Signers = signers.Fingerprint()
	if verified.Unverified, err = t.unverified(h, signers); err != nil {
		return nil, err
	}
	if t.endsUnbelieved(&verified) {
		return t.beginAnew(ctx, &verified, signers)
	}
	if same && maps.Equal(verified.Unverified, h.Unverified) {
		return h, nil
	}
	return &verified, nil
}

// endsUnbelieved is true of a history that goes on from nothing that may be believed.
func (t trust) endsUnbelieved(h *gate.History) bool {
	return t.mode == api.VerifyEvery && h.Rewritten && (h.Unrelated != "" || h.Unverified[h.Base] != "")
}

// unverified says of the commits of a history that are not verified why not.
func (t trust) unverified(h *gate.History, signers *gitsource.Signers) (map[string]api.Public, error) {
	problems := map[string]api.Public{}
	for _, commit := range t.toVerify(h) {
		problem, err := t.problem(commit, signers)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			problems[commit] = api.Public(problem)
		}
	}
	return problems, nil
}

// toVerify are the commits that may be applied, the head among them, and with Every the one from which a rewritten
// history goes on: it passed only as what others were built on. A tag vouches for the head alone.
func (t trust) toVerify(h *gate.History) []string {
	commits := []string{h.Head}
	if t.mode == api.VerifyEvery && h.Base != "" && h.Rewritten {
		commits = append(commits, h.Base)
	}
	for _, c := range h.Commits {
		if t.mode != api.VerifyTag {
			commits = append(commits, c.Hash)
		}
	}
	slices.Sort(commits)
	return slices.DeleteFunc(slices.Compact(commits), func(c string) bool { return slices.Contains(t.accept, c) })
}

// beginAnew has a history that does not go on from what may be believed begin with the newest of its commits that a
// person accepted, as a Sync begins with its first; those after it are verified. Without one it stays as it is.
func (t trust) beginAnew(ctx context.Context, h *gate.History, signers *gitsource.Signers) (*gate.History, error) {
	from, err := t.accepted(ctx, h)
	if err != nil || len(from) == 0 {
		return h, err
	}
	anew := *h
	anew.Base, anew.Unrelated, anew.Commits = "", "", from
	anew.Unverified, err = t.unverified(&anew, signers)
	return &anew, err
}

// accepted are the commits of a history from the newest on that a person accepted; none if there is no such.
func (t trust) accepted(ctx context.Context, h *gate.History) (from []gate.Commit, err error) {
	if h.Unrelated == "" {
		for i, c := range slices.Backward(h.Commits) {
			if slices.Contains(t.accept, c.Hash) {
				return h.Commits[i:], nil
			}
		}
		return nil, nil
	}
	for _, commit := range t.accept {
		since, err := t.repo.Between(ctx, commit, h.Head)
		if err != nil {
			return nil, err
		}
		if since.Rewritten || from != nil && len(from) <= len(since.Commits) {
			continue
		}
		first, err := t.repo.Between(ctx, "", commit)
		if err != nil {
			return nil, err
		}
		from = append(commits(first), commits(since)...)
	}
	return from, nil
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
