package source

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// fetched counts how often a commit is fetched.
type fetched struct {
	Repository
	n map[string]int
}

func (f *fetched) Fetch(ctx context.Context, commit string) (bool, error) {
	if f.n == nil {
		f.n = map[string]int{}
	}
	f.n[commit]++
	return f.Repository.Fetch(ctx, commit)
}

// What a person holds is known with the next poll, says who and why, and is forgotten when it is lifted; where nothing
// has changed the history stays the same one.
func TestHoldsComeWithThePoll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	first := gittest.Commit(t, dir, "a.yaml", "one")
	gittest.Commit(t, dir, "a.yaml", "two")
	data := t.TempDir()
	store := gitsource.Open(data, gitsource.Options{})
	t.Cleanup(store.Close)
	repo, err := store.Repository(dir, gitsource.Auth{})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	to, err := remote.New(dir, gitsource.Auth{}, remote.Options{})
	check(err)
	t.Cleanup(to.Close)
	done := make(chan struct{}, 1)
	sync := &api.Sync{}
	s := Open(sync, time.Now(), Options{Repository: repo, Life: t.Context(), Background: func(do func()) { go do() },
		Wake: func(time.Time) { done <- struct{}{} }})
	poll := func() *gate.History {
		t.Helper()
		s.Ask()
		s.Poll(sync, time.Now())
		<-done
		h, err := s.Last()
		check(err)
		return h
	}
	before := poll()
	if len(before.Holds) > 0 {
		t.Errorf("held are %v", before.Holds)
	}
	for _, what := range []string{forge.HoldAll, first} {
		check(forge.Hold{What: what, By: "ada", Reason: "breaks DNS", At: time.Now()}.Put(t.Context(), to))
	}
	h := poll()
	if want := api.Public("held in all clusters by ada: breaks DNS"); h.Holds[""] != want || h.Holds[first] != want || h.Head != before.Head {
		t.Errorf("held are %v at %s", h.Holds, h.Head)
	}
	if again := poll(); again != h {
		t.Error("the history is another one, and nothing has changed")
	}
	blob := gittest.Run(t, dir, "hash-object", "-w", "a.yaml")
	gittest.Run(t, dir, "update-ref", forge.HoldRefs+"2222222222222222222222222222222222222222", blob)
	fetches := &fetched{Repository: repo}
	s = Open(sync, time.Now(), Options{Repository: fetches, Life: t.Context(), Background: func(do func()) { go do() },
		Wake: func(time.Time) { done <- struct{}{} }})
	for range 4 {
		if h := poll(); h.Holds["2222222222222222222222222222222222222222"] != "held in all clusters" || h.Holds[""] == "" {
			t.Errorf("held are %v", h.Holds)
		}
	}
	if fetches.n[blob] != 1 {
		t.Errorf("a hold that cannot be read was fetched %d times in a moment", fetches.n[blob])
	}
	gittest.Run(t, dir, "update-ref", "-d", forge.HoldRefs+"2222222222222222222222222222222222222222")
	restarted := &api.Sync{}
	restarted.Spec.Source.Schedule, restarted.Status.Head = "0 3 1 1 *", h.Head
	restarted.Status.Held.Commits, restarted.Status.Passed = []string{h.Head}, first
	store.Close()
	again := gitsource.Open(data, gitsource.Options{})
	t.Cleanup(again.Close)
	anew, err := again.Repository(dir, gitsource.Auth{})
	check(err)
	sync, s = restarted, Open(restarted, time.Now(), Options{Repository: anew, Life: t.Context(),
		Background: func(do func()) { go do() }, Wake: func(time.Time) { done <- struct{}{} }})
	s.Poll(sync, time.Now()) // nobody asks for it: its schedule is far off
	<-done
	seen, err := s.Last()
	check(err)
	if seen.Holds[""] == "" {
		t.Errorf("after a restart before its schedule held are %v", seen.Holds)
	}
	check(forge.Lift(t.Context(), to, forge.HoldAll))
	if h := poll(); h.Holds[""] != "" || h.Holds[first] == "" {
		t.Errorf("held are %v", h.Holds)
	}
}
