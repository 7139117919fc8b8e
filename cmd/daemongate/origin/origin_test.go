package origin

import (
	"strings"
	"testing"
)

// What is named is a folder or a URL, a Sync's name, or where the repository is known already a branch or a commit of it:
// whether a Sync or a dump makes it known, diff and plan read it alike.
func TestWhatIsNamedOnTheCommandLine(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		arg      string
		known    bool
		location string
		ref      string
		sync     string
	}{
		{arg: folder, location: folder},
		{arg: folder, known: true, location: folder},
		{arg: "https://git.example.com/fleet.git", known: true, location: "https://git.example.com/fleet.git"},
		{arg: "git@git.example.com:fleet", location: "git@git.example.com:fleet"},
		{arg: "agents", sync: "agents"},
		{arg: "agents", known: true, ref: "agents"},
		{arg: "HEAD~1", known: true, ref: "HEAD~1"},
		{arg: "feature/parser", known: true, ref: "feature/parser"},
		{arg: "not/there", location: "not/there"},
	} {
		from := Origin{}
		sync, err := from.Take(c.arg, c.known)
		if err != nil || from.Location != c.location || from.Ref != c.ref || sync != c.sync {
			t.Errorf("%s, known %v: location %q, ref %q, Sync %q, %v", c.arg, c.known, from.Location, from.Ref, sync, err)
		}
	}
	for _, from := range []Origin{{Ref: "main"}, {Commit: "HEAD~1"}} {
		if _, err := from.Take("HEAD~2", true); err == nil || !strings.Contains(err.Error(), "give one of them") {
			t.Errorf("%+v: %v", from, err)
		}
	}
}
