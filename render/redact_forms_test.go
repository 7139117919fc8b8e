package render

import (
	"strings"
	"testing"
)

// A value of a Secret stays out of a text in whatever form it stands there: in base64, as a generated Secret has it,
// and with its quotes escaped.
func TestSecretsStayOutInEveryForm(t *testing.T) {
	r := &reader{roles: map[string]role{"token": asSecret}, checked: map[string]checked{
		"s.yaml":             {content: []byte("kind: Secret\nstringData: {json: '{\"key\": \"hunter2\"}'}\n")},
		"token":              {content: []byte("first-line\nlast-line\n")},
		"kustomization.yaml": {content: []byte("secretGenerator: [{name: a, literals: [p=swordfish]}]\n")},
	}}
	for _, shown := range []string{`{\"key\": \"hunter2\"}`, "c3dvcmRmaXNo", "swordfish",
		"Zmlyc3QtbGluZQpsYXN0LWxpbmUK", "last-line"} {
		if got := r.redact("says " + shown + " here"); strings.Contains(got, shown) || got != "says … here" {
			t.Errorf("%s: %s", shown, got)
		}
	}
}

// Whatever kustomize prints of its own memory, no address of it is in a text, which would be another one at each try.
func TestNoAddressOfMemoryIsInAText(t *testing.T) {
	for said, want := range map[string]string{
		"merging &{0xf1e8cf1e5b0 <nil>} of (*T)(0xc000123456)": "merging &{… <nil>} of (*T)(…)",
		"mode 0x1ff of image@sha256:0123456789abcdef":          "mode 0x1ff of image@sha256:0123456789abcdef",
	} {
		if got := tidy(said); got != want {
			t.Errorf("%s: %s", said, got)
		}
	}
}
