package remote

import (
	"strings"
	"testing"
)

// Whatever a server answers to a look: it is read or refused, and no ref comes of it without a name or a hash.
func FuzzLook(f *testing.F) {
	hash := strings.Repeat("1", 40)
	for _, seed := range []string{
		"001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000",
		"000eversion 2\n000cls-refs\n0019object-format=sha256\n0000",
		"003d" + hash + " refs/heads/main\n0000", "003d" + hash + " refs/heads/main\n",
		"0032unborn HEAD symref-target:refs/heads/main\n0000",
		"0000", "", "0001", "ffff", "000dERR no!\n0000", "<html>", "0004", "0005\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		_ = readCapabilities(strings.NewReader(answer))
		refs, err := readRefs(t.Context(), strings.NewReader(answer))
		if err != nil && refs != nil {
			t.Errorf("refs and an error: %v", err)
		}
		for name, hash := range refs {
			if name == "" || !strings.Contains(answer, strings.ToLower(hash.String())) &&
				!strings.Contains(strings.ToLower(answer), hash.String()) {
				t.Errorf("%q gave %q at %s", answer, name, hash)
			}
		}
	})
}
