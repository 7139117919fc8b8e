package gitsource_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/attempts"
)

// large has three versions of a file, of 3 MiB, of 65 MiB that end in these, and of a byte more, and has git store the
// first two as changes of the last.
func (w *work) large() (tip string) {
	w.Helper()
	noise := make([]byte, 3<<20) // of a file of 65 MiB: git makes no delta of what is 32 times as large
	_, _ = rand.Read(noise)      // never fails
	w.change("large.bin", string(noise))
	large := strings.Repeat("\x00", 62<<20) + string(noise)
	w.change("large.bin", large)
	w.write("agents/agent.yaml", "a: 1\n")
	tip = w.change("large.bin", large+"\x01")
	w.git("-c", "core.bigFileThreshold=512m", "repack", "-q", "-a", "-d", "-f", "--window=10")
	for _, older := range []string{"~1", "~2"} {
		name := w.git("rev-parse", tip+older+":large.bin")
		if base := w.gitIn(name, "cat-file", "--batch-check=%(deltabase)"); base == strings.Repeat("0", 40) {
			w.Fatalf("git does not store %s as a change of another file", older)
		}
	}
	return tip
}

// A repository with versions of a large file is mirrored as it is, and its other files are read. The large file itself
// is too large, whichever way it is stored, and what is stored as a change of it is not read either: both would have to
// be made in memory.
func TestVersionsOfALargeFile(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.large()
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	if got := head(t, r); got != tip {
		t.Fatalf("head %s, not %s", got, tip)
	}
	for older, words := range map[string]string{"": "too large", "~1": "too large", "~2": "more than 64 MiB"} {
		tree, err := r.Tree(t.Context(), w.git("rev-parse", tip+older))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.ReadFile("large.bin"); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s%s: %v", tip, older, err)
		}
	}
	tree, err := r.Tree(t.Context(), tip)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := tree.ReadFile("agents/agent.yaml"); err != nil || string(content) != "a: 1\n" {
		t.Errorf("%q, %v", content, err)
	}
}

// What the process has died at three times is left alone, with a word; other repositories go on, and so does this one
// after a while.
func TestAFetchThatEndsTheProcessIsNotTriedForEver(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"polling", "fetching"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			m := mirror(t)
			head(t, m.restart())
			m.change("d0/f0", "again")
			home := filepath.Dir(filepath.Dir(m.files("HEAD")[0]))
			note := filepath.Join(home, at)
			for range attempts.Most { // each dies
				if _, err := attempts.Begin(note, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			r := m.restart()
			wrong(t, r, main, "ended 3 times", "left alone until")

			well := newWork(t)
			well.change("a.yaml", "one")
			head(t, open(t, serve(t, well.dir).URL+"/.git", gitsource.Auth{}, gitsource.Options{}))

			long := time.Now().Add(-2 * attempts.Pause)
			if err := os.Remove(note); err != nil {
				t.Fatal(err)
			}
			for range attempts.Most {
				if _, err := attempts.Begin(note, long); err != nil {
					t.Fatal(err)
				}
			}
			m.intact(m.restart())
			if _, err := os.Stat(note); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the note outlives what went well:", err)
			}
		})
	}
}

// All mirrors share the disk. When it is full, a repository that is not mirrored yet is an error that says so, and one
// that is goes on.
func TestMirrorsShareTheDisk(t *testing.T) {
	t.Parallel()
	first, second := newWork(t), newWork(t)
	noise := func(w *work) {
		m := &mirrored{work: w}
		w.change("a.yaml", "one")
		w.git("tag", "root")
		m.pushNoise(3 * mib)
	}
	noise(first)
	noise(second)
	dir := t.TempDir()
	opened := func(w *work, most int64) *gitsource.Repository {
		store := gitsource.Open(dir, patient(gitsource.Options{MaxDisk: most}))
		t.Cleanup(store.Close)
		r, err := store.Repository(serve(t, w.dir).URL+"/.git", gitsource.Auth{Identity: "Secret a/" + filepath.Base(w.dir)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const most = 7 * mib // of which new ones may have 5.6
	a := opened(first, most)
	head(t, a)
	wrong(t, opened(second, most), main, "no more is allowed", "--mirror-max-disk")
	wrong(t, opened(second, most), main, "no more is allowed") // nothing was left of it
	first.change("b.yaml", "two")
	if got, want := head(t, a), first.git("rev-parse", "main"); got != want {
		t.Errorf("head %s, not %s", got, want)
	}
	head(t, opened(second, 10*mib))
}

// A server that sends more objects than allowed is refused by its first line.
func TestTooManyObjects(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.change("a.yaml", "one")
	at := serve(t, w.dir).URL + "/.git"
	wrong(t, open(t, at, gitsource.Auth{}, gitsource.Options{MaxObjects: 2}), main, "3 objects", "--mirror-max-objects")
	head(t, open(t, at, gitsource.Auth{}, gitsource.Options{MaxObjects: 3}))
}

// Of very many refs those are remembered that are wanted; who wants others, or a commit, gets them as ever.
func TestVeryManyRefs(t *testing.T) {
	t.Parallel()
	w := crowded(t, 20_100)
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	for range 2 {
		for _, ref := range everyRef {
			want := w.git("rev-parse", "main")
			if got, err := r.Head(t.Context(), ref); err != nil || got != want {
				t.Errorf("%s is at %s, %v", ref, got, err)
			}
			if got, err := r.HeadWithin(t.Context(), ref, time.Minute); err != nil || got != want {
				t.Errorf("%s was at %s just now, %v", ref, got, err)
			}
		}
		w.change("a.yaml", "two")
		w.git("branch", "-q", "-f", "feature/x", "main")
		w.git("tag", "-f", "-a", "-m", "annotated", "v1.0.0")
		w.git("tag", "-f", "v1.1.0")
		w.git("update-ref", "refs/pull/7/head", "main")
		w.git("checkout", "-q", "main") // HEAD
	}
	if _, err := r.Head(t.Context(), gitsource.Ref{Branch: "none"}); err == nil {
		t.Error("a branch that is not there")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	side := w.git("commit-tree", "-m", "on no branch", "main^{tree}")
	w.git("update-ref", "refs/side", side)
	if got, err := r.Head(ctx, gitsource.Ref{Commit: side}); err != nil || got != side {
		t.Errorf("%s, %v", got, err)
	}
}
