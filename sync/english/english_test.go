package english

import "testing"

// A text is cut between two characters, never within one, and only if it is too long.
func TestClipCutsBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		text, want string
		most       int
	}{{"abc", "abc", 3}, {"abcd", "abc…", 3}, {"aäb", "a…", 2}, {"", "", 0}} {
		if got := Clip(c.text, c.most); got != c.want {
			t.Errorf("%q at %d: %q", c.text, c.most, got)
		}
	}
}

// A separator stands only between two texts.
func TestJoinSeparatesTwoTexts(t *testing.T) {
	for _, c := range []struct{ head, tail, want string }{{"a", "b", "a; b"}, {"a", "", "a"}, {"", "b", "b"},
		{"", "", ""}} {
		if got := Join(c.head, "; ", c.tail); got != c.want {
			t.Errorf("%q and %q: %q", c.head, c.tail, got)
		}
	}
}

// A noun stands in its plural unless there is one of it.
func TestCountKnowsThePlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 nodes", 1: "1 node", 2: "2 nodes"} {
		if got := Count(n, "node"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
