package gitsource_test

import (
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// A poll costs one ref advertisement; objects are fetched when the branch moved, and only then.
func TestPollFetchesOnlyWhatMoved(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.change("a.yaml", "one")
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	if got := head(t, r); got != first {
		t.Fatalf("head is %s, want %s", got, first)
	}
	expect(t, server, 1, 1)
	for range 3 {
		head(t, r)
	}
	expect(t, server, 4, 1)
	second := w.change("a.yaml", "two")
	if got := head(t, r); got != second {
		t.Fatalf("head is %s, want %s", got, second)
	}
	expect(t, server, 5, 2)
}

// Who is content with an older answer costs nothing while there is one.
func TestOlderAnswersAreShared(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.commit("a")
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	within := func(ref gitsource.Ref, age time.Duration) string {
		got, err := r.HeadWithin(t.Context(), ref, age)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	within(main, time.Hour)
	second := w.commit("b")
	if got := within(main, time.Hour); got != first {
		t.Errorf("head is %s, want %s", got, first)
	}
	expect(t, server, 1, 1)
	if got := within(main, 0); got != second {
		t.Errorf("head is %s, want %s", got, second)
	}
	expect(t, server, 2, 2)
	w.git("tag", "v1", "main")
	if got := within(gitsource.Ref{Tag: "v1"}, time.Hour); got != second {
		t.Errorf("the tag is at %s, want %s", got, second)
	}
}

func expect(t *testing.T, h *host, adverts, fetches int64) {
	t.Helper()
	if a, f := h.adverts.Load(), h.fetches.Load(); a != adverts || f != fetches {
		t.Fatalf("the server saw %d advertisements and %d fetches, want %d and %d", a, f, adverts, fetches)
	}
}

// The same over a path of this machine, with history and files.
func TestCommitsAndFilesOfALocalRepository(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.change("apps/a.yaml", "one")
	w.change("apps/b.yaml", "two")
	third := w.change("apps/a.yaml", "three")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	if got := head(t, r); got != third {
		t.Fatalf("head is %s, want %s", got, third)
	}
	h, err := r.Between(t.Context(), first, third)
	if err != nil {
		t.Fatal(err)
	}
	if h.Rewritten || h.Base != first || len(h.Commits) != 2 || h.Commits[0].Subject != "change apps/b.yaml" ||
		h.Commits[1].Hash != third {
		t.Fatalf("history is %+v", h)
	}
	tree, err := r.Tree(t.Context(), third)
	if err != nil {
		t.Fatal(err)
	}
	content, err := tree.ReadFile("apps/a.yaml")
	if err != nil || string(content) != "three" {
		t.Fatalf("apps/a.yaml holds %q, %v", content, err)
	}
	old, err := r.Tree(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.ReadFile("apps/b.yaml"); err == nil {
		t.Fatal("the first commit has a file of the second")
	}
}
