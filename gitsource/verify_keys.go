package gitsource

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

const (
	// sshNamespace is what git signs for: see gitformat-signature(5).
	sshNamespace = "git"

	notMatching = "has a signature that does not match it"
)

func (s *Signers) checkPGP(what signed) string {
	_, err := openpgp.CheckArmoredDetachedSignature(s.pgp, bytes.NewReader(what.payload),
		bytes.NewReader(what.signature), nil)
	key := pgpKey(what.signature)
	var invalid pgperrors.SignatureError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return fmt.Sprintf("is signed by PGP key %s, which is not among the signers", key)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return fmt.Sprintf("is signed by PGP key %s, which has expired", key)
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return fmt.Sprintf("is signed by PGP key %s, which is revoked", key)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return fmt.Sprintf("has a signature by PGP key %s that has expired", key)
	case errors.As(err, &invalid):
		return notMatching + " (PGP key " + key + ")"
	}
	return fmt.Sprintf("has a PGP signature that cannot be read: %v", err)
}

// pgpKey is the key that a signature says it is by.
func pgpKey(signature []byte) string {
	if block, err := armor.Decode(bytes.NewReader(signature)); err == nil {
		if p, err := packet.Read(block.Body); err == nil {
			if sig, ok := p.(*packet.Signature); ok && sig.IssuerKeyId != nil {
				return fmt.Sprintf("%016X", *sig.IssuerKeyId)
			}
		}
	}
	return "without a name"
}

func (s *Signers) checkSSH(what signed) string {
	sig, err := sshsig.Unarmor(what.signature)
	if err != nil {
		return fmt.Sprintf("has an SSH signature that cannot be read: %v", err)
	}
	key := "SSH key " + ssh.FingerprintSHA256(sig.PublicKey)
	problem := fmt.Sprintf("is signed by %s, which is not among the signers", key)
	for _, a := range s.ssh {
		if !bytes.Equal(a.key.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		if problem = matchesSSH(sig, a.key, what.payload); problem != "" {
			return problem + " (" + key + ")"
		}
		why := a.allows(what.email, what.time)
		if why == "" {
			return ""
		}
		problem = fmt.Sprintf("is signed by %s, which %s", key, why)
	}
	return problem
}

func matchesSSH(sig *sshsig.Signature, key ssh.PublicKey, payload []byte) string {
	switch {
	case sig.Namespace != sshNamespace:
		return fmt.Sprintf("has a signature that was made for %q, and not for git", treefs.Printable(sig.Namespace))
	case sig.Signature.Format == ssh.KeyAlgoRSA:
		return "has an SSH signature with SHA-1, which is not safe: sign with a newer OpenSSH"
	}
	if err := sshsig.Verify(bytes.NewReader(payload), sig, key, sig.HashAlgorithm, sshNamespace); err != nil {
		return notMatching
	}
	return ""
}
