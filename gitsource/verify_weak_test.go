package gitsource_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// What others may be able to forge does not count, whoever signed: a signature over SHA-1 or a hash that is no better,
// and one by a key that is too short or of a kind that is given up. It is said why, and what to do. The same keys count
// with a better hash, and the same hash does no harm to other keys.
func TestWeakSignaturesDoNotCount(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	over := func(hash string) string {
		return n.script("gpg-"+hash, `exec gpg --homedir "`+n.gpg+`" --batch --digest-algo `+hash+` "$@"`)
	}
	sign := func(program, email, subject string) string {
		n.git("-c", "gpg.program="+program, "-c", "user.signingkey="+email, "commit", "-q", "--allow-empty", "-S", "-m",
			subject)
		return n.git("rev-parse", "HEAD")
	}
	keys := map[string]string{}
	for _, kind := range []string{"rsa2048", "rsa1024", "rsa1536", "dsa2048", "secp256k1", "nistp256", "ed25519"} {
		keys[kind] = n.pgpKey(kind+"@example.com", kind)
	}
	// A key that is good, for which one that is not vouches.
	vouched := n.fingerprint("rsa1024@example.com")
	n.run("", "gpg", "--homedir", n.gpg, "--batch", "--quiet", "--passphrase", "", "--quick-add-key", vouched, "rsa2048",
		"sign")
	keys["rsa1024"] = n.run("", "gpg", "--homedir", n.gpg, "--batch", "--armor", "--export", vouched)
	for _, bits := range []string{"1024", "2048"} {
		n.run("", "ssh-keygen", "-q", "-t", "rsa", "-b", bits, "-N", "", "-f", filepath.Join(n.keys, "rsa"+bits))
		keys["ssh "+bits] = "* " + n.run("", "ssh-keygen", "-y", "-f", filepath.Join(n.keys, "rsa"+bits))
	}
	var pgp, ssh []string
	for kind, key := range keys {
		if strings.HasPrefix(kind, "ssh") {
			ssh = append(ssh, key)
		} else {
			pgp = append(pgp, key)
		}
	}
	all := signers(t, strings.Join(pgp, "\n"), strings.Join(ssh, "\n"))
	const useSHA256, useOther = "digest-algo SHA256", "put that key among the signers"
	stories := map[string]struct {
		commit string
		want   []string
	}{
		"SHA-1":                 {sign(over("SHA1"), "rsa2048@example.com", "c1"), []string{"over SHA-1", useSHA256}},
		"SHA-1, elliptic":       {sign(over("SHA1"), "ed25519@example.com", "c2"), []string{"over SHA-1", useSHA256}},
		"SHA-224":               {sign(over("SHA224"), "rsa2048@example.com", "c3"), []string{"over SHA-224", useSHA256}},
		"RIPEMD-160":            {sign(over("RIPEMD160"), "rsa2048@example.com", "c4"), []string{"hash function", useSHA256}},
		"SHA-256":               {sign(over("SHA256"), "rsa2048@example.com", "c5"), nil},
		"SHA-512":               {sign(over("SHA512"), "ed25519@example.com", "c6"), nil},
		"NIST curve":            {sign(over("SHA384"), "nistp256@example.com", "c7"), nil},
		"RSA, 1024 bits":        {sign(over("SHA512"), vouched+"!", "c8"), []string{"RSA key of 1024 bits", useOther}},
		"RSA, by 1024 bits":     {sign(over("SHA512"), "rsa1024@example.com", "c9"), []string{"of 1024 bits", useOther}},
		"RSA, 1536 bits":        {sign(over("SHA512"), "rsa1536@example.com", "c10"), []string{"of 1536 bits", useOther}},
		"DSA":                   {sign(over("SHA256"), "dsa2048@example.com", "c11"), []string{"a DSA key", useOther}},
		"a curve for coins":     {sign(over("SHA256"), "secp256k1@example.com", "c12"), []string{"SecP256k1", useOther}},
		"SSH, RSA of 1024 bits": {n.signSSH("rsa1024", "c13"), []string{"SSH key", "of 1024 bits", useOther}},
		"SSH, RSA of 2048 bits": {n.signSSH("rsa2048", "c14"), nil},
	}
	r := open(t, n.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	for name, s := range stories {
		problem, err := r.Verify(s.commit, all)
		if err != nil || (problem == "") != (s.want == nil) {
			t.Errorf("%s: %q, %v", name, problem, err)
		}
		for _, words := range s.want {
			if !strings.Contains(problem, words) {
				t.Errorf("%s: %q does not say %q", name, problem, words)
			}
		}
	}
	// A tag is no weaker than a commit.
	n.git("-c", "gpg.program="+over("SHA1"), "-c", "user.signingkey=rsa2048@example.com", "tag", "-s", "-m", "v1", "v1")
	at, err := r.Head(t.Context(), gitsource.Ref{Tag: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	if problem, err := r.VerifyTag(gitsource.Ref{Tag: "v1"}, at, all); err != nil ||
		!strings.Contains(problem, "over SHA-1") {
		t.Errorf("a tag over SHA-1: %q, %v", problem, err)
	}
}
