package gitsource_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/gittest"
)

// A ref, a range of versions and a folder that are not there, and a repository without a commit, are mistakes that somebody
// has to put right; a host that cannot be reached is none.
func TestWhatSomebodyHasToPutRight(t *testing.T) {
	dir := t.TempDir()
	repo, empty := filepath.Join(dir, "fleet"), filepath.Join(dir, "empty")
	gittest.Commit(t, repo, "a.yaml", "a: 1\n")
	gittest.Run(t, dir, "init", "-q", empty)
	store := gitsource.Open(filepath.Join(dir, "mirrors"), patient(gitsource.Options{}))
	nobody := func(context.Context) (gitsource.Auth, error) { return gitsource.Auth{}, nil }
	for _, c := range []struct {
		url     string
		ref     gitsource.Ref
		mistake bool
	}{
		{repo, gitsource.Ref{Branch: "mian"}, true},
		{repo, gitsource.Ref{Tag: "v1"}, true},
		{repo, gitsource.Ref{SemVer: ">=1"}, true},
		{repo, gitsource.Ref{SemVer: "latest"}, true},
		{repo, gitsource.Ref{Commit: "1234"}, true},
		{empty, gitsource.Ref{Branch: "main"}, true},
		{filepath.Join(dir, "nowhere"), gitsource.Ref{Branch: "main"}, true},
		{"http://127.0.0.1:1/fleet.git", gitsource.Ref{Branch: "main"}, false},
	} {
		r, err := store.Lend(c.url, "", nobody)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.HeadWithin(t.Context(), c.ref, 0)
		if err == nil || gitsource.IsMistake(err) != c.mistake {
			t.Errorf("%s at %s: a mistake is %v, not %v: %v", c.ref, c.url, gitsource.IsMistake(err), c.mistake, err)
		}
	}
	if _, err := store.Lend("ftp://git.example.com/fleet.git", "", nobody); !gitsource.IsMistake(err) {
		t.Errorf("a URL that is none: %v", err)
	}
}
