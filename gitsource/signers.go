package gitsource

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Signers are the keys whose signatures count.
type Signers struct {
	pgp         openpgp.EntityList
	ssh         []allowedSigner
	fingerprint string
}

// ReadSigners reads files of keys, by name: armored PGP public keys, any number in a file, or lines in the format of
// OpenSSH's allowed_signers. The error names the file, and the line of one in the format of OpenSSH.
func ReadSigners(files map[string][]byte) (*Signers, error) {
	s, sum := &Signers{}, sha256.New()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%q %q\n", name, files[name])
		if err := s.add(string(files[name])); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(errs) == 0 && len(s.pgp) == 0 && len(s.ssh) == 0 {
		errs = append(errs, errors.New("there is no key: give armored PGP public keys, or lines in the format of "+
			"allowed_signers"))
	}
	s.fingerprint = hex.EncodeToString(sum.Sum(nil))
	return s, errors.Join(errs...)
}

// Fingerprint is another one when the keys are others.
func (s *Signers) Fingerprint() string { return s.fingerprint }

const (
	pgpBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	pgpEnd   = "-----END PGP PUBLIC KEY BLOCK-----"
)

func (s *Signers) add(text string) error {
	switch {
	case strings.Contains(text, "PRIVATE KEY"):
		return errors.New("holds a private key, which nobody here needs: replace it, and give the public one")
	case strings.Contains(text, pgpBegin):
		return s.addPGP(text)
	}
	return s.addSSH(text)
}

func (s *Signers) addPGP(text string) error {
	for n := 1; ; n++ {
		_, block, found := strings.Cut(text, pgpBegin)
		if !found {
			return nil
		}
		block, rest, found := strings.Cut(block, pgpEnd)
		if !found {
			return fmt.Errorf("PGP key %d has no end", n)
		}
		keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(pgpBegin + block + pgpEnd + "\n"))
		if err != nil {
			return fmt.Errorf("PGP key %d cannot be read: %w", n, err)
		}
		s.pgp, text = append(s.pgp, keys...), rest
	}
}

func (s *Signers) addSSH(text string) error {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		a, err := parseAllowedSigner(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		s.ssh = append(s.ssh, a)
	}
	return nil
}
