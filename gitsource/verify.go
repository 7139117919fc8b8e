package gitsource

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// Verify says why the signature of a commit of the mirror does not count, as a predicate such as "is not signed"; empty
// if it does. What is verified are the bytes that have the commit's hash, which name its tree and its parents.
func (r *Repository) Verify(commit string, s *Signers) (problem string, err error) {
	h, err := parseHash(commit)
	if err == nil {
		err = r.mirror.use(func(read *reader) (err error) {
			problem, err = read.verifyCommit(h, s)
			return err
		})
	}
	if err != nil {
		return "", fmt.Errorf("%s: verify commit %s: %w", r, commit, err)
	}
	return problem, nil
}

// VerifyTag says why the tag that a ref is at does not vouch for a commit; empty if it does. The tag must be annotated,
// signed, have the name of the ref, and stand for the commit. That the tag cannot be looked at, or has moved since Head
// gave the commit, is an error and no problem of its signature.
func (r *Repository) VerifyTag(ref Ref, commit string, s *Signers) (problem string, err error) {
	h, err := parseHash(commit)
	if err == nil {
		problem, err = r.verifyTagOf(ref, h, s)
	}
	if err != nil {
		return "", fmt.Errorf("%s: verify %s: %w", r, ref, err)
	}
	return problem, nil
}

// verifyTagOf verifies the one tag that the ref was found at. Of a version range that is the highest version: a signed
// tag of the same commit does not vouch for a higher one that somebody put there. What it says of a signature is for
// good, so all that another poll may mend is an error.
func (r *Repository) verifyTagOf(ref Ref, commit plumbing.Hash, s *Signers) (problem string, err error) {
	if !ref.mayBeTag() {
		return "is no tag, and only tags are to be verified: set ref.tag, or another verify.mode", nil
	}
	tag, found := tagOf(r, ref)
	if !found {
		return "", errors.New("the server has not said yet where it is; this is tried again at the next poll")
	}
	at, err := r.mirror.peelHeld(tag.hash)
	if err != nil {
		return "", err
	}
	if at != commit {
		return "", fmt.Errorf("it is at %s now, and no more at %s; this is tried again at the next poll", short(at),
			short(commit))
	}
	err = r.mirror.use(func(read *reader) (err error) {
		problem, err = read.verifyTag(tag, s)
		return err
	})
	return problem, err
}

// signed is what was signed, by whom it says it was, and when.
type signed struct {
	payload, signature []byte
	email              string
	time               time.Time
}

func (r *reader) verifyCommit(h plumbing.Hash, s *Signers) (string, error) {
	_, content, err := r.content(plumbing.CommitObject, h, maxObject)
	if err != nil {
		return "", err
	}
	return verifyContent(content, s.check, func(c *object.Commit) string { return c.Committer.Email })
}

// VerifySpeaker says why the signature of a commit, as it is stored, does not count as that of a name, as a predicate
// such as "is not signed"; empty if it does. Only an SSH key is bound to names, by the principals of allowed_signers.
func (s *Signers) VerifySpeaker(commit []byte, name string) (problem string) {
	check := func(what signed) string {
		if bytes.Contains(what.signature, []byte("-----BEGIN PGP")) {
			return "has a PGP signature, and only an SSH key can be bound to the name " + treefs.Printable(name)
		}
		return s.check(what)
	}
	problem, err := verifyContent(commit, check, func(*object.Commit) string { return name })
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	return problem
}

// verifyContent verifies a commit as it is stored. The signature must be that of whom the last function names.
func verifyContent(content []byte, check func(signed) string, who func(*object.Commit) string) (string, error) {
	var whole, covered object.Commit
	if err := whole.Decode(inMemory(plumbing.CommitObject, content)); err != nil {
		return "", err
	}
	payload, err := unsigned(whole.EncodeWithoutSignature)
	if err != nil {
		return "", err
	}
	if err := covered.Decode(inMemory(plumbing.CommitObject, payload)); err != nil ||
		covered.TreeHash != whole.TreeHash || !slices.Equal(covered.ParentHashes, whole.ParentHashes) ||
		covered.Committer.Email != whole.Committer.Email {
		return "has a signature that does not cover it", nil
	}
	return check(signed{payload, []byte(whole.PGPSignature), who(&whole), whole.Committer.When}), nil
}

func (r *reader) verifyTag(t tip, s *Signers) (string, error) {
	kind, content, err := r.content(plumbing.AnyObject, t.hash, maxObject)
	if err != nil {
		return "", err
	}
	if kind != plumbing.TagObject {
		return "is not annotated, so it has no signature", nil
	}
	var whole, covered object.Tag
	if err := whole.Decode(inMemory(plumbing.TagObject, content)); err != nil {
		return "", err
	}
	payload, err := unsigned(whole.EncodeWithoutSignature)
	if err != nil {
		return "", err
	}
	if err := covered.Decode(inMemory(plumbing.TagObject, payload)); err != nil ||
		covered.Target != whole.Target || covered.Name != whole.Name {
		return "has a signature that does not cover it", nil
	}
	if "refs/tags/"+whole.Name != t.name {
		return fmt.Sprintf("is the tag %s under another name", treefs.Printable(whole.Name)), nil
	}
	return s.check(signed{payload, []byte(whole.PGPSignature), whole.Tagger.Email, whole.Tagger.When}), nil
}

func unsigned(encode func(plumbing.EncodedObject) error) ([]byte, error) {
	var o plumbing.MemoryObject
	if err := encode(&o); err != nil {
		return nil, err
	}
	stream, err := o.Reader()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(stream)
}

// check says why a signature does not count; empty if it does.
func (s *Signers) check(what signed) (problem string) {
	defer func() {
		if p := recover(); p != nil {
			problem = fmt.Sprintf("has a signature that cannot be read: %v", p)
		}
	}()
	signature := bytes.TrimSpace(what.signature)
	begins := func(text string) bool { return bytes.HasPrefix(signature, []byte("-----BEGIN "+text)) }
	switch {
	case len(signature) == 0:
		return "is not signed"
	case bytes.Count(signature, []byte("-----BEGIN ")) != 1:
		return "has several signatures"
	case begins("SSH SIGNATURE"):
		return s.checkSSH(what)
	case begins("PGP SIGNATURE"), begins("PGP MESSAGE"):
		return s.checkPGP(what)
	case begins("SIGNED MESSAGE"):
		return "has an X.509 signature, which is not supported: sign with PGP or SSH"
	}
	return "has a signature of an unknown kind"
}
