package gitsource_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// A mirror that nobody has used for long is removed when others are in use; who comes back to it mirrors again.
func TestUnusedMirrorsAreRemoved(t *testing.T) {
	t.Parallel()
	old, current := newWork(t), newWork(t)
	old.commit("a")
	current.commit("b")
	dir := t.TempDir()
	mirrors := func() []string {
		list, err := filepath.Glob(filepath.Join(dir, "????????????????????????????????"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	repository := func(w *work) *gitsource.Repository {
		store := gitsource.Open(dir, patient(gitsource.Options{}))
		t.Cleanup(store.Close)
		r, err := store.Repository(w.dir, gitsource.Auth{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	head(t, repository(old))
	left := mirrors()
	if len(left) != 1 {
		t.Fatalf("the mirrors are %q", left)
	}
	head(t, repository(current))
	long := time.Now().Add(-31 * 24 * time.Hour)
	if err := os.Chtimes(left[0], long, long); err != nil {
		t.Fatal(err)
	}
	head(t, repository(current))
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(left[0]); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the unused mirror is still there")
		}
	}
	if len(mirrors()) != 1 {
		t.Errorf("left are %q", mirrors())
	}
	r := repository(old)
	tip := head(t, r)
	if _, err := r.Tree(t.Context(), tip); err != nil {
		t.Error(err)
	}
}
