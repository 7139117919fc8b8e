package gitsource_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

func between(t *testing.T, r *gitsource.Repository, from, to string) gitsource.History {
	t.Helper()
	h, err := r.Between(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func subjects(h gitsource.History) string {
	var list []string
	for _, c := range h.Commits {
		list = append(list, c.Subject)
	}
	return strings.Join(list, ",")
}

// A force-push is noticed: what is new begins where the two histories part.
func TestForcePushIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	base := w.commit("b")
	w.commit("c")
	old := w.commit("d")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	w.git("reset", "-q", "--hard", base)
	w.commit("C")
	rewritten := w.commit("D")
	if got := head(t, r); got != rewritten {
		t.Fatalf("head is %s after the force-push, want %s", got, rewritten)
	}
	h := between(t, r, old, rewritten)
	if !h.Rewritten || h.Base != base || subjects(h) != "C,D" {
		t.Fatalf("history is %+v", h)
	}
	// The commits that are gone from the server can still be read.
	if _, err := r.Tree(t.Context(), old); err != nil {
		t.Fatal(err)
	}
}

// Setting a branch back is a rewritten history without anything new.
func TestBranchSetBack(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.commit("a")
	second := w.commit("b")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	w.git("reset", "-q", "--hard", first)
	head(t, r)
	h := between(t, r, second, first)
	if !h.Rewritten || h.Base != first || len(h.Commits) != 0 {
		t.Fatalf("history is %+v", h)
	}
}

// Of merged branches only the merge counts; a commit that came in by a merge is no first-parent ancestor.
func TestMergesCountAsOne(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	base := w.commit("base")
	w.git("checkout", "-q", "-b", "side")
	w.commit("side 1")
	side := w.commit("side 2")
	w.git("checkout", "-q", "main")
	w.commit("main 1")
	w.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	tip := w.commit("main 2")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	if h := between(t, r, base, tip); h.Rewritten || subjects(h) != "main 1,merge,main 2" {
		t.Fatalf("history is %+v", h)
	}
	// Whoever was on the side branch has seen base, and of main nothing since.
	if h := between(t, r, side, tip); !h.Rewritten || h.Base != base || subjects(h) != "main 1,merge,main 2" {
		t.Fatalf("history from the side is %+v", h)
	}
	if got := w.git("merge-base", base, side); got != base {
		t.Fatal("git sees it differently")
	}
}

// Histories without anything in common, a commit that nobody has any more, and no older commit at all.
func TestHistoriesWithoutABase(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	old := w.commit("a")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	w.git("checkout", "-q", "--orphan", "other")
	w.commit("x")
	w.commit("y")
	w.git("branch", "-q", "-f", "main", "other")
	tip := head(t, r)
	if h := between(t, r, old, tip); !h.Rewritten || h.Base != "" || subjects(h) != "y" {
		t.Fatalf("unrelated: %+v", h)
	}
	if h := between(t, r, strings.Repeat("1", 40), tip); !h.Rewritten || h.Base != "" || subjects(h) != "y" {
		t.Fatalf("unknown: %+v", h)
	}
	if h := between(t, r, "", tip); h.Rewritten || h.Base != "" || subjects(h) != "y" {
		t.Fatalf("without from: %+v", h)
	}
	if h := between(t, r, tip, tip); h.Rewritten || h.Base != tip || len(h.Commits) != 0 {
		t.Fatalf("nothing between: %+v", h)
	}
}

// The history is git's: the same commits in the same order as rev-list.
func TestHistoryIsThatOfGit(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	for i := range 30 {
		w.commit(fmt.Sprintf("commit %d", i))
		if i%7 == 3 {
			w.git("checkout", "-q", "-b", fmt.Sprintf("side%d", i), "HEAD~2")
			w.commit("aside")
			w.git("checkout", "-q", "main")
			w.git("merge", "-q", "--no-ff", "-m", "merge", fmt.Sprintf("side%d", i))
		}
	}
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	tip := head(t, r)
	for _, back := range []string{"main~1", "main~12", "main~30"} {
		from := w.git("rev-parse", back)
		want := w.git("rev-list", "--reverse", "--first-parent", from+"..main")
		var got []string
		for _, c := range between(t, r, from, tip).Commits {
			got = append(got, c.Hash)
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("from %s: got\n%s\nwant\n%s", back, strings.Join(got, "\n"), want)
		}
	}
}

// A commit is shown in one line that cannot steer a terminal.
func TestCommitIsShownSafely(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.write("message", "red \x1b[31m\tsubject\u202e\n\nbody\n")
	w.git("add", "-A")
	w.git("commit", "-q", "--cleanup=verbatim", "-F", "message")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	c, err := r.Commit(head(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != "red [31msubject" || c.Author != "Ada" ||
		c.Time.UTC().Format("2006-01-02T15:04:05") != "2026-01-02T03:04:05" {
		t.Fatalf("commit is %+v", c)
	}
}

// What a history lacks is said: whether the older commit is not there, or the server ends the newer one's history.
func TestWhyThereIsNoBase(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	old := w.commit("a")
	w.commit("b")
	tip := w.commit("c")
	shallow := newWork(t)
	shallow.git("fetch", "-q", "--depth=2", "file://"+w.dir, "main")
	shallow.git("reset", "-q", "--hard", "FETCH_HEAD")
	r := open(t, shallow.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	if h := between(t, r, old, tip); !h.Unknown || h.Base != "" || h.End != "" {
		t.Errorf("a commit that the server does not have: %+v", h)
	}
	shallow.git("fetch", "-q", "--depth=1", "file://"+w.dir, "main")
	shallow.git("checkout", "-q", "--orphan", "other")
	other := shallow.commit("x")
	r = open(t, shallow.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	if found, err := r.Fetch(t.Context(), other); err != nil || !found {
		t.Fatal(found, err)
	}
	if h := between(t, r, other, tip); h.Unknown || h.Base != "" || h.End != tip {
		t.Errorf("a history that the server cuts off: %+v", h)
	}
	if h := between(t, r, tip, other); h.Unknown || h.Base != "" || h.End != "" {
		t.Errorf("a history that begins: %+v", h)
	}
}

// A commit that no ref is at is fetched by its name where the server hands it out. That it does not is no error: other
// polls of the repository go on, and the mirror is not made anew.
func TestACommitIsFetchedByItsName(t *testing.T) {
	t.Parallel()
	for _, handsOut := range []bool{true, false} {
		w := newWork(t)
		w.git("config", "uploadpack.allowAnySHA1InWant", fmt.Sprint(handsOut))
		w.commit("a")
		gone := w.commit("b")
		w.git("reset", "-q", "--hard", "main~1")
		h := serve(t, w.dir)
		for _, url := range []string{w.dir, h.URL + "/.git"} {
			r := open(t, url, gitsource.Auth{}, gitsource.Options{})
			at := head(t, r)
			if found, err := r.Fetch(t.Context(), gone); err != nil || found != handsOut {
				t.Errorf("%s: found: %v, %v; want %v", url, found, err, handsOut)
			}
			if handsOut && len(between(t, r, at, gone).Commits) != 1 {
				t.Errorf("%s: its history is not there", url)
			}
			if found, err := r.Fetch(t.Context(), strings.Repeat("1", 40)); err != nil || found {
				t.Errorf("%s: a commit that nobody has: %v, %v", url, found, err)
			}
			if again, err := r.HeadWithin(t.Context(), main, time.Minute); err != nil || again != at {
				t.Errorf("%s: afterwards: %v, %v", url, again, err)
			}
		}
		h.CloseClientConnections()
		h.Close()
		r := open(t, h.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
		if _, err := r.Fetch(t.Context(), gone); err == nil {
			t.Error("a server that is down is no answer")
		}
	}
}
