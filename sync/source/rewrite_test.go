package source

import (
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/sync/gate"
)

// What is a step backward: a head that does not go on from what passed, and of versions a lower one, whichever is built on
// which. What the spec asks for is none.
func TestWhatIsAStepBackward(t *testing.T) {
	r := newSignedRepo(t)
	a := r.commit("a")
	r.git("tag", "v1.1.0")
	b := r.commit("b")
	r.git("tag", "v1.2.0")
	r.git("checkout", "-q", "-b", "other", a)
	c := r.commit("c")
	r.git("tag", "v2.0.0")
	main, versions := gitsource.Ref{Branch: "main"}, gitsource.Ref{SemVer: ">=1"}
	for name, s := range map[string]struct {
		ref               gitsource.Ref
		passed, passedRef string
		head              string // where the ref is set to
		delete            string // a tag that is gone
		want              string
	}{
		"a force-push":              {main, b, "refs/heads/main", c, "", "does not go on from "},
		"set back":                  {main, b, "refs/heads/main", a, "", "does not go on from "},
		"of an older controller":    {main, b, "", a, "", "does not go on from "},
		"a push":                    {main, a, "refs/heads/main", b, "", ""},
		"the spec follows another":  {main, b, "refs/heads/other", c, "", ""},
		"the spec names the commit": {gitsource.Ref{Commit: a}, b, "", a, "", ""},
		"a higher version":          {versions, b, "refs/tags/v1.2.0", b, "", ""},
		"a lower version":           {versions, c, "refs/tags/v2.0.0", b, "v2.0.0", "is v1.2.0, a lower version than v2.0.0"},
		"one that is built on it":   {versions, a, "refs/tags/v1.9.0", b, "v2.0.0", "is v1.2.0, a lower version than v1.9.0"},
		"the range is another":      {gitsource.Ref{SemVer: "<1.2"}, b, "refs/tags/v1.2.0", a, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r.git("update-ref", "refs/heads/main", s.head)
			if s.delete != "" {
				was := r.git("rev-parse", s.delete)
				r.git("tag", "-d", s.delete)
				defer r.git("tag", s.delete, was)
			}
			r.newMirror(r.dir)
			read := reading{repo: r.mirror, ref: s.ref, follows: s.ref, passed: s.passed, passedRef: s.passedRef, needed: true}
			h, err := read.history(t.Context(), (*gate.History)(nil))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(h.Backward); (got == "") != (s.want == "") || len(got) < len(s.want) ||
				got[:len(s.want)] != s.want {
				t.Errorf("it is said %q, want %q; at %s", got, s.want, h.Ref)
			}
		})
	}
}
