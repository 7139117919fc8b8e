package english

import (
	"testing"
	"time"
)

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

// Of many texts the first few are there, and how many more.
func TestTheFirstFewAreNamed(t *testing.T) {
	for most, want := range map[int]string{3: "a, b, c", 2: "a, b, and 1 more", 4: "a, b, c"} {
		if got := FirstFew([]string{"a", "b", "c"}, most, ", "); got != want {
			t.Errorf("at most %d: %q", most, got)
		}
	}
}

// A length of time has no parts that are nothing.
func TestASpanHasNoEmptyParts(t *testing.T) {
	for want, d := range map[string]time.Duration{"1h": time.Hour, "1h30m": 90 * time.Minute, "10s": 10 * time.Second,
		"30m": 30 * time.Minute, "1m30s": 90 * time.Second, "0s": 0, "1h0m5s": time.Hour + 5*time.Second} {
		if got := Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
