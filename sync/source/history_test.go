package source

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/gittest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// signedRepo is a repository of git's own, some of whose commits are signed, and a mirror of it.
type signedRepo struct {
	*testing.T
	dir    string
	mirror *gitsource.Repository
	trust  trust
	// passed is the commit that passed last, and last what was seen last.
	passed string
	last   *gate.History
}

func newSignedRepo(t *testing.T) *signedRepo {
	t.Helper()
	r := &signedRepo{T: t, dir: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	r.git("config", "gpg.format", "ssh")
	r.git("config", "user.signingkey", key)
	signers, err := gitsource.ReadSigners(map[string][]byte{"keys": []byte("* " + string(public))})
	if err != nil {
		t.Fatal(err)
	}
	r.trust = trust{mode: api.VerifyEvery, signersChanged: func() bool { return false },
		signers: func(context.Context) (*gitsource.Signers, error) { return signers, nil }}
	r.newMirror(r.dir)
	return r
}

func (r *signedRepo) git(args ...string) string { return gittest.Run(r.T, r.dir, args...) }

// newMirror mirrors a repository anew, as a controller on a new disk does.
func (r *signedRepo) newMirror(dir string) {
	r.Helper()
	store := gitsource.Open(r.TempDir(), gitsource.Options{})
	r.Cleanup(store.Close)
	mirror, err := store.Repository(dir, gitsource.Auth{})
	if err != nil {
		r.Fatal(err)
	}
	r.mirror, r.trust.repo, r.last = mirror, mirror, nil
}

func (r *signedRepo) commit(subject string) string {
	r.git("commit", "-q", "--allow-empty", "-m", subject)
	return r.git("rev-parse", "HEAD")
}

func (r *signedRepo) signed(subject string) string {
	r.git("commit", "-q", "--allow-empty", "-S", "-m", subject)
	return r.git("rev-parse", "HEAD")
}

// orphan has the branch begin anew with the next commit.
func (r *signedRepo) orphan() {
	r.git("checkout", "-q", "--orphan", "other")
	r.git("branch", "-q", "-D", "main")
	r.git("branch", "-q", "-m", "main")
}

// next is what the gate does about what a poll finds: the commit that it prepares, or why none may pass.
func (r *signedRepo) next() (commit, held string) {
	r.Helper()
	read := reading{repo: r.mirror, ref: gitsource.Ref{Branch: "main"}, follows: gitsource.Ref{Branch: "main"}, passed: r.passed, needed: true}
	h, err := read.history(r.Context(), r.last)
	if err == nil {
		h, err = r.trust.verify(r.Context(), h, h == r.last)
	}
	if err != nil {
		r.Fatal(err)
	}
	r.last = h
	g := gate.Gate{Order: api.OrderLatest, Verify: r.trust.mode}
	state, d := g.Step(gate.State{Passed: r.passed}, gate.Observation{Generation: 1, History: h})
	return d.Prepare, state.Held.Reason
}

// passes has the head pass the gate.
func (r *signedRepo) passes(want string) {
	r.Helper()
	if commit, held := r.next(); commit != want {
		r.Fatalf("%q is next, want %s; %s", commit, want, held)
	}
	r.passed = want
}

// barred has nothing pass, and somebody told why.
func (r *signedRepo) barred(words ...string) {
	r.Helper()
	commit, held := r.next()
	if commit != "" {
		r.Fatalf("%s passes", commit)
	}
	for _, w := range append(words, "spec.source.verify.accept") {
		if !strings.Contains(held, w) {
			r.Errorf("it is said %q, without %q", held, w)
		}
	}
}

// rewrites makes a branch of which the third commit was rewritten, and is in the repository no more.
func (r *signedRepo) rewrites() (first, second, gone, rewritten, head string) {
	first, second, gone = r.commit("first"), r.commit("second"), r.commit("to be rewritten")
	r.git("commit", "-q", "--allow-empty", "--amend", "-m", "rewritten")
	rewritten = r.git("rev-parse", "HEAD")
	head = r.commit("head")
	r.git("reflog", "expire", "--expire=now", "--all")
	r.git("gc", "-q", "--prune=now")
	return first, second, gone, rewritten, head
}

// A controller that has just taken over, whose mirror never had the commit that passed, forgets no commit of a branch that
// was rewritten meanwhile: it goes on from the newest one that the status tells of.
func TestWhoTakesOverForgetsNothingOfARewrittenBranch(t *testing.T) {
	r := newSignedRepo(t)
	first, second, gone, rewritten, head := r.rewrites()
	s := &api.Sync{}
	s.Status.History = []api.Record{{Commit: gone}, {Commit: first}, {Commit: second}}
	for mode, want := range map[api.VerifyMode][]string{api.VerifyNone: {rewritten, head}, api.VerifyEvery: {head}} {
		h, err := reading{repo: r.mirror, ref: gitsource.Ref{Branch: "main"}, follows: gitsource.Ref{Branch: "main"},
			passed: gone, told: told(s, mode)}.history(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range h.Commits {
			got = append(got, c.Hash)
		}
		if !slices.Equal(got, want) || !h.Rewritten || (h.Base == second) != (mode == api.VerifyNone) ||
			(h.Unrelated == "") != (mode == api.VerifyNone) {
			t.Errorf("%s: %v after %s, want %v; %q", mode, got, h.Base, want, h.Unrelated)
		}
	}
}

// A commit that is Held is not forgotten when more is pushed on top of it, and is not said to be unreachable: neither
// where the mirror never had the commit that passed, nor where the branch shares nothing with it.
func TestWhatIsHeldStaysInARewrittenHistory(t *testing.T) {
	r := newSignedRepo(t)
	first, second, gone, rewritten, head := r.rewrites()
	main := gitsource.Ref{Branch: "main"}
	for _, c := range []struct {
		name         string
		passed       string
		history      []string // of the status, beside what is Held
		mode         api.VerifyMode
		held, want   []string
		knowsNothing bool // of what the history goes on from
	}{
		{"after what was told", gone, []string{gone, second, first}, api.VerifyNone, []string{rewritten},
			[]string{rewritten, head}, false},
		{"nothing else was told", gone, []string{gone}, api.VerifyNone, []string{rewritten}, []string{rewritten, head}, true},
		{"nothing told counts", gone, []string{gone, second}, api.VerifyEvery, []string{rewritten},
			[]string{rewritten, head}, true},
		{"one on top of it failed", gone, []string{head, gone, second, first}, api.VerifyNone, []string{rewritten},
			[]string{rewritten, head}, false},
		{"one is rewritten, too", gone, []string{gone}, api.VerifyNone, []string{strings.Repeat("5", 40), rewritten},
			[]string{rewritten, head}, true},
		{"the head itself", gone, []string{gone}, api.VerifyNone, []string{head}, []string{head}, true},
	} {
		s := &api.Sync{}
		s.Status.Held.Commits = c.held
		for _, commit := range append(c.held, c.history...) {
			s.Status.History = append(s.Status.History, api.Record{Commit: commit})
		}
		h, err := reading{repo: r.mirror, ref: main, follows: main, passed: c.passed, told: told(s, c.mode),
			held: s.Status.Held.Commits}.history(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, commit := range h.Commits {
			got = append(got, commit.Hash)
		}
		if !slices.Equal(got, c.want) || !h.Rewritten || (h.Unrelated != "") != c.knowsNothing {
			t.Errorf("%s: %v, want %v; %q", c.name, got, c.want, h.Unrelated)
		}
	}
	r.orphan()
	other, last := r.commit("of another history"), r.commit("on top of it")
	h, err := reading{repo: r.mirror, ref: main, follows: main, passed: second, held: []string{other}}.history(t.Context(), nil)
	if err != nil || len(h.Commits) != 2 || h.Commits[0].Hash != other || h.Commits[1].Hash != last || h.Unrelated == "" {
		t.Errorf("%+v, %v", h, err)
	}
}

// Who may push but cannot sign gets nothing in by beginning the branch anew: neither when a signed commit comes on top,
// nor after further ones. The head passes when a person accepts it by its hash, and what follows it is verified.
func TestARerootedBranchStaysBarred(t *testing.T) {
	r := newSignedRepo(t)
	p := r.signed("p")
	r.passes(p)
	r.orphan()
	u := r.commit("u")
	if commit, _ := r.next(); commit != "" || r.last.Unverified[u] == "" {
		t.Fatalf("%q passes", commit)
	}
	s := r.signed("s")
	r.barred(api.Short(s)+" shares no history with "+api.Short(p), "passed last")
	accepted := r.signed("s2")
	r.barred(api.Short(accepted) + " shares no history with " + api.Short(p))
	r.newMirror(r.dir)
	r.barred("shares no history that is known with "+api.Short(p), "is not in the repository any more")

	r.trust.accept, r.last = []string{accepted}, nil
	bad := r.commit("unsigned again")
	r.signed("s3")
	if commit, _ := r.next(); commit != accepted || r.last.Unverified[bad] == "" {
		t.Fatalf("%q passes, want the commit that was accepted alone; unverified: %v", commit, r.last.Unverified)
	}
	r.git("reset", "-q", "--hard", accepted)
	r.passes(r.signed("s4"))
}

// A host that pretends to have no more than the newest commit, for a mirror that is made anew, is not believed: what it
// keeps back may be what nobody signed.
func TestAShallowHostHidesNothing(t *testing.T) {
	r := newSignedRepo(t)
	p := r.signed("p")
	r.passes(p)
	r.commit("u")
	s := r.signed("s")
	shallow := t.TempDir()
	gittest.Run(t, shallow, "clone", "-q", "--bare", "--depth=1", "file://"+r.dir, "r.git")
	r.newMirror(filepath.Join(shallow, "r.git"))
	r.barred(api.Short(s)+" shares no history that is known", api.Short(p)+", which passed last and is not in")
	// Nor does it help to give the commit that passed, and nothing in between.
	r.git("branch", "passed", p)
	gittest.Run(t, filepath.Join(shallow, "r.git"), "fetch", "-q", "--depth=1", "file://"+r.dir, "passed:passed")
	r.newMirror(filepath.Join(shallow, "r.git"))
	r.barred(api.Short(s)+" shares no history that is known", "the server has none before "+api.Short(s))
	r.trust.accept, r.last = []string{s}, nil
	r.passes(s)
}

// A history that goes on from an old commit is no way around its signature either: set back to that commit alone, the
// branch would not pass.
func TestWhatAHistoryGoesOnFromIsVerified(t *testing.T) {
	r := newSignedRepo(t)
	old := r.commit("from before there were signatures")
	p := r.signed("p")
	r.passes(p)
	r.git("reset", "-q", "--hard", old)
	if commit, _ := r.next(); commit != "" {
		t.Fatalf("%s passes alone", commit)
	}
	s := r.signed("s")
	r.barred(api.Short(s)+" goes on from "+api.Short(old), "is not signed")
	r.trust.accept, r.last = []string{old}, nil
	if commit, held := r.next(); commit != s {
		t.Fatalf("with what it goes on from accepted %q passes; %s", commit, held)
	}
	r.trust.accept, r.last = []string{s}, nil
	r.passes(s)
}

// An honest force-push needs nobody: it goes on from a commit that is signed. A mirror that is made anew, and has only
// what leads to the new head, asks for the commit that passed, and keeps it.
func TestASignedForcePushPasses(t *testing.T) {
	for _, found := range []bool{true, false} {
		r := newSignedRepo(t)
		r.git("config", "uploadpack.allowAnySHA1InWant", "true")
		base := r.signed("base")
		p := r.signed("p")
		r.passes(p)
		r.git("reset", "-q", "--hard", base)
		s := r.signed("s")
		if !found {
			r.git("reflog", "expire", "--expire=now", "--all")
			r.git("gc", "-q", "--prune=now")
		}
		r.newMirror(r.dir)
		if !found {
			r.barred(api.Short(p) + ", which passed last and is not in the repository any more")
			continue
		}
		if commit, held := r.next(); commit != s {
			t.Fatalf("%q passes, want %s; %s", commit, s, held)
		}
		if err := r.mirror.Keep("sync/passed", p); err != nil {
			t.Error(err)
		}
	}
}
