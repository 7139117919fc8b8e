package oneline

import "testing"

// Whatever stands in a text, one line comes of it, in characters that can be shown, and of the length that was asked for.
func TestOfIsOneLineThatCanBeShown(t *testing.T) {
	for _, c := range []struct {
		text, want string
		most       int
	}{
		{"", "", 3},
		{"  a\r\n\tb\u2028c\u2029d\u0085e  ", "a b c d e", 20},
		{"\x1b[31mred\x07\u009b", "[31mred", 20},
		{"a\u202Eb\u200Bc\uFEFF", "abc", 20},
		{"a\xffb", "a\uFFFDb", 20},
		{"äöü", "äöü", 3},
		{"äöüß", "äö…", 3},
		{"abcd", "…", 1},
	} {
		if got := Of(c.text, c.most); got != c.want {
			t.Errorf("%q at %d: %q, want %q", c.text, c.most, got, c.want)
		}
	}
}
