package gitsource_test

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// The highest version within a range is followed: when a higher one is tagged, when its tag is moved, and when it is
// taken back. Pre-releases and dates are no versions to roll out by accident.
func TestVersionRange(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	at := map[string]string{}
	for _, tag := range []string{"v1.2.0", "1.10.0", "v1.9.0", "v2.0.0-rc.1", "20260102", "v3", "agent-4.0.0",
		"v1.10.0-rc.1"} {
		at[tag] = w.commit(tag)
		w.git("tag", "-a", "-m", tag, tag)
	}
	r := open(t, serve(t, w.dir).URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	follows := func(ref gitsource.Ref, want string) {
		t.Helper()
		if got, err := r.Head(t.Context(), ref); err != nil || got != want {
			t.Errorf("%s is at %s, want %s: %v", ref, got, want, err)
		}
	}
	follows(gitsource.Ref{SemVer: ">=1.0"}, at["1.10.0"])
	follows(gitsource.Ref{SemVer: "~1.9"}, at["v1.9.0"])
	follows(gitsource.Ref{SemVer: "1.x, <1.9"}, at["v1.2.0"])
	follows(gitsource.Ref{SemVer: "*", Prereleases: true}, at["v2.0.0-rc.1"])
	follows(gitsource.Ref{SemVer: ">=2.0.0-0"}, at["v2.0.0-rc.1"])

	next := w.commit("next")
	w.git("tag", "v1.11.0")
	follows(gitsource.Ref{SemVer: "^1.2"}, next)
	moved := w.commit("moved")
	w.git("tag", "-f", "v1.11.0")
	follows(gitsource.Ref{SemVer: "^1.2"}, moved)
	w.git("tag", "-d", "v1.11.0")
	follows(gitsource.Ref{SemVer: "^1.2"}, at["1.10.0"])

	wrong(t, r, gitsource.Ref{SemVer: ">=2"}, "pre-release v2.0.0-rc.1", "ref.prereleases")
	wrong(t, r, gitsource.Ref{SemVer: "<1"}, "no tag is within version <1", "v2.0.0-rc.1")
	wrong(t, r, gitsource.Ref{SemVer: "latest"}, "cannot be read", "~1.4")
	wrong(t, r, gitsource.Ref{SemVer: "1.x", Branch: "main"}, "more than one ref")
	wrong(t, r, gitsource.Ref{Branch: "main", Prereleases: true}, "give a version range")

	none := newWork(t)
	none.commit("a")
	none.git("tag", "stable")
	wrong(t, open(t, none.dir, gitsource.Auth{}, gitsource.Options{}), gitsource.Ref{SemVer: "*"},
		"no tag is a version such as v1.2.3", "stable")
}

// A tag that is moved, also back to a commit that it was at before, is another head. (Force-pushed branches are in
// history_test.go.)
func TestMovedTag(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.commit("a")
	w.git("tag", "prod")
	r := open(t, serve(t, w.dir).URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	prod := gitsource.Ref{Tag: "prod"}
	second := w.commit("b")
	for _, to := range []string{first, second, first} {
		w.git("tag", "-f", "prod", to)
		if got, err := r.Head(t.Context(), prod); err != nil || got != to {
			t.Errorf("%s is at %s, want %s: %v", prod, got, to, err)
		}
	}
}

// Whatever is written as a range, and whatever tags there are: it is read or refused, and what is chosen is a tag that
// exists.
func FuzzVersionRange(f *testing.F) {
	for _, seed := range [][2]string{
		{">=1.2 <2", "v1.3.0"}, {"~1.4 || ^2.1.0-rc.1", "2.1.0-rc.2+b"}, {"1.x", "20260102"}, {"*", "v1.2.3"},
		{"1.2 - 1.4.5", "1.4.5"}, {"!=1", "v0.0.0"}, {"=<>", "vv1"}, {strings.Repeat("1.x || ", 40), "1.0.0"},
		{">=99999999999999999999", "1"},
	} {
		f.Add(seed[0], seed[1], true)
	}
	f.Fuzz(func(t *testing.T, text, tag string, pre bool) {
		got, err := gitsource.Highest(gitsource.Ref{SemVer: text, Prereleases: pre}, tag, "v1.2.3", "v1.3.0-rc.1")
		if err == nil && got != tag && got != "v1.2.3" && got != "v1.3.0-rc.1" {
			t.Errorf("%q chose %q", text, got)
		}
		if err == nil && !pre && got == "v1.3.0-rc.1" && !strings.Contains(text, "-") {
			t.Errorf("%q chose a pre-release", text)
		}
	})
}
