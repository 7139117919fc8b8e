package gitsource

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

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
	sig, err := s.verifyPGP(what)
	key := pgpKey(what.signature)
	var invalid pgperrors.SignatureError
	var weak weakKey
	switch {
	case err == nil && !safeHashes[sig.Hash]:
		return fmt.Sprintf("is signed by PGP key %s over %s, which is not safe: sign with SHA-256 or better (in "+
			"gpg.conf: digest-algo SHA256)", key, sig.Hash)
	case err == nil:
		return ""
	case errors.As(err, &weak):
		return fmt.Sprintf("is signed by PGP key %s, which is not safe: %s", key, weak)
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

// safeHashes are those over which a PGP signature counts.
var safeHashes = map[crypto.Hash]bool{crypto.SHA256: true, crypto.SHA384: true, crypto.SHA512: true,
	crypto.SHA3_256: true, crypto.SHA3_512: true}

func (s *Signers) verifyPGP(what signed) (*packet.Signature, error) {
	block, err := armor.Decode(bytes.NewReader(what.signature))
	if err != nil {
		return nil, err
	}
	keys := &safeKeys{EntityList: s.pgp}
	sig, _, err := openpgp.VerifyDetachedSignature(keys, bytes.NewReader(what.payload), block.Body, nil)
	switch unreadable := unreadablePGP(what.signature); {
	case !errors.Is(err, pgperrors.ErrUnknownIssuer):
	case keys.weak != "":
		return nil, keys.weak
	case unreadable != nil: // and was left out for that
		return nil, unreadable
	}
	return sig, err
}

// safeKeys are those of the signers whose signatures can be made by nobody else.
type safeKeys struct {
	openpgp.EntityList
	// weak is why a key that was looked for does not count.
	weak weakKey
}

// KeysByIdUsage leaves the weak keys out, and those that a weak one vouches for.
func (k *safeKeys) KeysByIdUsage(id uint64, usage byte) []openpgp.Key {
	return slices.DeleteFunc(k.EntityList.KeysByIdUsage(id, usage), func(key openpgp.Key) bool {
		weak := cmp.Or(weakPGP(key.PublicKey), weakPGP(key.Entity.PrimaryKey))
		k.weak = cmp.Or(weak, k.weak)
		return weak != ""
	})
}

// weakKey is the error of a key that others may be able to sign with, and says what to do.
type weakKey string

func (e weakKey) Error() string { return string(e) }

const (
	// minRSA is how many bits an RSA key must have.
	minRSA = 2048

	betterKey = "sign with Ed25519, or with RSA of at least 2048 bits, and put that key among the signers"
)

// weakPGP says why a key does not count; empty if it does. What is known to be good counts, and nothing else.
func weakPGP(key *packet.PublicKey) weakKey {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := key.BitLength(); err != nil || bits < minRSA {
			return weakRSA(int(bits))
		}
		return ""
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		if curve, err := key.Curve(); err != nil || curve == packet.CurveSecP256k1 {
			return weakKey(fmt.Sprintf("it is on the curve %s; %s", curve, betterKey))
		}
		return ""
	case packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448:
		return ""
	case packet.PubKeyAlgoDSA:
		return "it is a DSA key; " + betterKey
	}
	return weakKey(fmt.Sprintf("its algorithm (number %d) does not count; %s", key.PubKeyAlgo, betterKey))
}

func weakRSA(bits int) weakKey {
	return weakKey(fmt.Sprintf("it is an RSA key of %d bits; %s", bits, betterKey))
}

// pgpKey is the key that a signature says it is by.
func pgpKey(signature []byte) string {
	if p, err := readPGP(signature); err == nil {
		if sig, ok := p.(*packet.Signature); ok && sig.IssuerKeyId != nil {
			return fmt.Sprintf("%016X", *sig.IssuerKeyId)
		}
	}
	return "without a name"
}

// unreadablePGP is why a signature is not understood, as one over a hash that nobody uses any more; nil if it is.
func unreadablePGP(signature []byte) error {
	if _, err := readPGP(signature); err != nil {
		return fmt.Errorf("%w; sign with SHA-256 or better (in gpg.conf: digest-algo SHA256)", err)
	}
	return nil
}

func readPGP(signature []byte) (packet.Packet, error) {
	block, err := armor.Decode(bytes.NewReader(signature))
	if err != nil {
		return nil, err
	}
	return packet.Read(block.Body)
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
		if weak := weakSSH(a.key); weak != "" {
			return fmt.Sprintf("is signed by %s, which is not safe: %s", key, weak)
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

// weakSSH says why a key does not count; empty if it does.
func weakSSH(key ssh.PublicKey) weakKey {
	if key.Type() == "ssh-dss" { // DSA, which the library knows to refuse, and has no name for that is not deprecated
		return "it is a DSA key; " + betterKey
	}
	inner, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return ""
	}
	if of, ok := inner.CryptoPublicKey().(*rsa.PublicKey); ok && of.N.BitLen() < minRSA {
		return weakRSA(of.N.BitLen())
	}
	return ""
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
