package forge

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// gitNamespace is what git signs for: see gitformat-signature(5).
const gitNamespace = "git"

// maxUnsigned is how far back a commit is looked for that is signed.
const maxUnsigned = 1000

// SignBy has the commits of the notes signed by the first of some keys, which are asked for before each write. A
// signature is for all that stands in the notes, so that they go on from the newest commit that one of the keys has
// signed: what others have pushed since is not taken over, and where no commit is signed the notes begin anew.
func (n *Notes) SignBy(keys func() ([]ssh.Signer, error)) { n.keys = keys }

// signers are the keys, none if the notes are not signed.
func (n *Notes) signers() ([]ssh.Signer, error) {
	if n.keys == nil {
		return nil, nil
	}
	keys, err := n.keys()
	if err == nil && len(keys) == 0 {
		err = errors.New("there is no key to sign them by")
	}
	return keys, err
}

// base is the commit whose notes are gone on from, nil for none: the one where the ref is, or if notes are signed, the
// newest before it that is.
func (p *push) base(known *filesystem.Storage, from plumbing.Hash) (*object.Commit, error) {
	if from.IsZero() {
		return nil, nil
	}
	c, err := object.GetCommit(known, from)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", from, err)
	}
	if len(p.keys) == 0 {
		return c, nil
	}
	for range maxUnsigned {
		if p.isOurs(c) {
			return c, nil
		}
		if len(c.ParentHashes) == 0 {
			return nil, nil
		}
		if c, err = object.GetCommit(known, c.ParentHashes[0]); err != nil {
			return nil, fmt.Errorf("commit before %s: %w", from, err)
		}
	}
	return nil, nil
}

// isOurs reports whether a commit is signed by one of the keys.
func (p *push) isOurs(c *object.Commit) bool {
	sig, err := sshsig.Unarmor([]byte(c.PGPSignature))
	if err != nil || sig.Namespace != gitNamespace {
		return false
	}
	payload, err := signable(c)
	if err != nil {
		return false
	}
	for _, key := range p.keys {
		if bytes.Equal(key.PublicKey().Marshal(), sig.PublicKey.Marshal()) &&
			sshsig.Verify(bytes.NewReader(payload), sig, key.PublicKey(), sig.HashAlgorithm, gitNamespace) == nil {
			return true
		}
	}
	return false
}

// sign signs a commit if notes are signed.
func (p *push) sign(c *object.Commit) error {
	if len(p.keys) == 0 {
		return nil
	}
	payload, err := signable(c)
	if err != nil {
		return err
	}
	sig, err := sshsig.Sign(bytes.NewReader(payload), p.keys[0], sshsig.HashSHA512, gitNamespace)
	if err != nil {
		return fmt.Errorf("sign notes: %w", err)
	}
	c.PGPSignature = string(sshsig.Armor(sig))
	return nil
}

// signable is a commit as it is signed.
func signable(c *object.Commit) ([]byte, error) {
	var o plumbing.MemoryObject
	if err := c.EncodeWithoutSignature(&o); err != nil {
		return nil, err
	}
	return contentOf(&o)
}
