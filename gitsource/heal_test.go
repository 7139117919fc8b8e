package gitsource_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// mirrored is a repository and a mirror of it whose folder the test knows.
type mirrored struct {
	*work
	dir  string
	host *host
}

func mirror(t *testing.T) *mirrored {
	t.Helper()
	m := &mirrored{work: newWork(t), dir: t.TempDir()}
	for i := range 20 {
		m.write(fmt.Sprintf("d%d/f%d", i%4, i), strings.Repeat(fmt.Sprintln(i), 50+i))
	}
	m.commit("a")
	m.change("d0/f0", "changed")
	m.host = serve(t, m.work.dir)
	return m
}

// restart opens the mirror as a new process would.
func (m *mirrored) restart() *gitsource.Repository {
	m.Helper()
	store := gitsource.Open(m.dir, patient(gitsource.Options{}))
	m.Cleanup(store.Close)
	r, err := store.Repository(m.host.URL+"/.git", gitsource.Auth{})
	if err != nil {
		m.Fatal(err)
	}
	return r
}

// files are the mirror's files with a suffix.
func (m *mirrored) files(suffix string) []string {
	m.Helper()
	var list []string
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		m.Fatal(err)
	}
	return list
}

// intact reads everything that the head has and compares it with git.
func (m *mirrored) intact(r *gitsource.Repository) {
	m.Helper()
	tip := head(m, r)
	if want := m.git("rev-parse", "main"); tip != want {
		m.Fatalf("head is %s, want %s", tip, want)
	}
	readAll(m, r, tip)
}

func readAll(t testing.TB, r *gitsource.Repository, commit string) {
	t.Helper()
	tree, err := r.Tree(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
			_, err = tree.ReadFile(path)
		}
		return err
	})
	if err != nil || files != 20 {
		t.Fatalf("read %d files: %v", files, err)
	}
}

// A restart uses the mirror that is there: no object is fetched again.
func TestMirrorSurvivesARestart(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	m.intact(m.restart())
	m.intact(m.restart())
	expect(t, m.host, 2, 1)
}

// Whatever a crash or a bad disk leaves of a mirror, the next poll has it whole again.
func TestDamagedMirrorHeals(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]func(m *mirrored){
		"pack cut in half":  func(m *mirrored) { resize(m, m.files(".pack")[0]) },
		"index cut in half": func(m *mirrored) { resize(m, m.files(".idx")[0]) },
		"pack of garbage":   func(m *mirrored) { overwrite(m, m.files(".pack")[0]) },
		"index of garbage":  func(m *mirrored) { overwrite(m, m.files(".idx")[0]) },
		"index lost":        func(m *mirrored) { remove(m, m.files(".idx")[0]) },
		"pack lost":         func(m *mirrored) { remove(m, m.files(".pack")[0]) },
		"empty pack":        func(m *mirrored) { truncate(m, m.files(".pack")[0], 0) },
		"refs lost": func(m *mirrored) {
			removeAll(m, filepath.Join(filepath.Dir(m.files("HEAD")[0]),
				"refs"))
		},
		"everything lost": func(m *mirrored) { removeAll(m, filepath.Dir(m.files("HEAD")[0])) },
		"a killed clone":  func(m *mirrored) { leftovers(m) },
		"objects folder lost": func(m *mirrored) {
			removeAll(m, filepath.Join(filepath.Dir(m.files("HEAD")[0]),
				"objects"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			m := mirror(t)
			m.TB, m.work.TB = t, t
			m.intact(m.restart())
			damage(m)
			r := m.restart()
			m.intact(r)
			m.change("d1/f1", "later")
			m.intact(r)
		})
	}
}

func resize(m *mirrored, path string) {
	info, err := os.Stat(path)
	if err != nil {
		m.Fatal(err)
	}
	truncate(m, path, info.Size()/2)
}

func truncate(m *mirrored, path string, size int64) {
	makeWritable(m, path)
	if err := os.Truncate(path, size); err != nil {
		m.Fatal(err)
	}
}

func makeWritable(m *mirrored, path string) {
	if err := os.Chmod(path, 0o600); err != nil {
		m.Fatal(err)
	}
}

func overwrite(m *mirrored, path string) {
	makeWritable(m, path)
	if err := os.WriteFile(path, bytes.Repeat([]byte("garbage!"), 200), 0o600); err != nil {
		m.Fatal(err)
	}
}

func remove(m *mirrored, path string) {
	if err := os.Remove(path); err != nil {
		m.Fatal(err)
	}
}

func removeAll(m *mirrored, path string) {
	if err := os.RemoveAll(path); err != nil {
		m.Fatal(err)
	}
}

// leftovers are what a process that was killed while it mirrored leaves behind.
func leftovers(m *mirrored) {
	home := filepath.Dir(filepath.Dir(m.files("HEAD")[0]))
	for _, dir := range []string{"new-123", "new-456/objects/pack"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			m.Fatal(err)
		}
	}
	pack := filepath.Join(filepath.Dir(m.files(".pack")[0]), "tmp_pack_1")
	if err := os.WriteFile(pack, []byte("PACK"), 0o600); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() {
		if left := m.files("tmp_pack_1"); len(left) > 0 {
			m.Errorf("%v is still there", left)
		}
	})
}

// A file that rots while the process runs is an error when it is read, never another content, and the next poll heals
// it.
func TestRotIsNoticedAndHeals(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	r := m.restart()
	tip := head(t, r)
	pack := m.files(".pack")[0]
	makeWritable(m, pack)
	content, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	for i := 12; i < len(content)-20; i++ {
		content[i] ^= 0x55
	}
	if err := os.WriteFile(pack, content, 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := r.Tree(t.Context(), tip)
	if err == nil {
		_, err = tree.ReadFile("d0/f0")
	}
	if err == nil {
		t.Fatal("rot was read as if it were content")
	}
	m.intact(r)
	m.intact(m.restart())
}

// The same while the process runs and goes on fetching: it may take an error and one more poll.
func TestDamageBetweenPollsHeals(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]func(m *mirrored){
		"pack of garbage":  func(m *mirrored) { overwrite(m, m.files(".pack")[0]) },
		"index of garbage": func(m *mirrored) { overwrite(m, m.files(".idx")[0]) },
		"everything lost":  func(m *mirrored) { removeAll(m, filepath.Dir(m.files("HEAD")[0])) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			m := mirror(t)
			m.TB, m.work.TB = t, t
			r := m.restart()
			m.intact(r)
			damage(m)
			tip := m.change("d1/f1", "later")
			for range 2 {
				_, _ = r.Head(t.Context(), main)
				if tree, err := r.Tree(t.Context(), tip); err == nil {
					_, _ = tree.ReadFile("d2/f2")
				}
			}
			m.intact(r)
		})
	}
}

// An object that has the name of another is damage, although nothing about it is malformed.
func TestObjectUnderAnothersName(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	tip := head(t, m.restart())
	hash := m.git("rev-parse", "main:d2/f2")
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	fmt.Fprint(z, "blob 6\x00forged")
	z.Close()
	path := filepath.Join(filepath.Dir(m.files("HEAD")[0]), "objects", hash[:2], hash[2:])
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	m.lose("d2/f2") // so that the forged one is what is found
	r := m.restart()
	tree, err := r.Tree(t.Context(), tip)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := tree.ReadFile("d2/f2"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("read %q, %v", content, err)
	}
	m.intact(r)
}

// A folder that the mirror lost is an error wherever it is met, never a folder that does not exist, or one that is
// empty: whoever deletes what is not in Git would delete what was in it.
func TestLostFolderIsNoSmallerCommit(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	tip := head(t, m.restart())
	m.lose("d2")
	tree, err := m.restart().Tree(t.Context(), tip)
	if err != nil {
		t.Fatal(err)
	}
	for what, look := range map[string]func() error{
		"ReadDir":  func() error { _, err := tree.ReadDir("d2"); return err },
		"Stat":     func() error { _, err := tree.Stat("d2/f2"); return err },
		"ReadFile": func() error { _, err := tree.ReadFile("d2/f2"); return err },
		"Open":     func() error { _, err := tree.Open("d2/f2"); return err },
		"Blob":     func() error { _, err := tree.Blob("d2/f2"); return err },
		"fs":       func() error { _, err := fs.ReadFile(tree, "d2/nothing"); return err },
		"WalkDir": func() error {
			return fs.WalkDir(tree, ".", func(_ string, _ fs.DirEntry, err error) error { return err })
		},
	} {
		if err := look(); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// lose replaces the mirror's pack by one without what is at a path.
func (m *mirrored) lose(path string) {
	m.Helper()
	old := []string{m.files(".idx")[0], m.files(".pack")[0]}
	m.bytes(m.objectsBut(path), "pack-objects", "-q", filepath.Join(filepath.Dir(old[0]), "pack"))
	for _, path := range old {
		remove(m, path)
	}
}

// What is kept by name stays when the mirror is made anew, also if the server has lost it.
func TestKeptCommitSurvivesANewMirror(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	r := m.restart()
	old := head(t, r)
	if err := r.Keep("platform/agents", old); err != nil {
		t.Fatal(err)
	}
	if err := r.Keep("../evil", old); err == nil {
		t.Error("a name that leaves the refs was taken")
	}
	m.git("reset", "-q", "--hard", "HEAD~1")
	m.change("d3/f3", "other")
	m.git("reflog", "expire", "--expire=now", "--all")
	m.git("gc", "-q", "--prune=now")
	head(t, r)
	few := gitsource.Open(m.dir, patient(gitsource.Options{MaxPacks: 1}))
	t.Cleanup(few.Close)
	again, err := few.Repository(m.host.URL+"/.git", gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	m.change("d3/f3", "yet another")
	m.intact(again)
	if packs := m.files(".pack"); len(packs) != 1 {
		t.Errorf("the mirror was not made anew: %v", packs)
	}
	readAll(t, again, old)
	if h := between(t, again, old, head(t, again)); !h.Rewritten {
		t.Errorf("history is %+v", h)
	}
	if err := again.Keep("platform/agents", ""); err != nil {
		t.Error(err)
	}
}

// Two processes on one store: when one makes the mirror anew, the other goes on with the new one.
func TestTwoProcessesShareAMirror(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	ours := m.restart()
	tip := head(t, ours)
	tree, err := ours.Tree(t.Context(), tip)
	if err != nil {
		t.Fatal(err)
	}
	idle := m.restart() // knows where the mirror is, and has opened nothing in it
	few := gitsource.Open(m.dir, patient(gitsource.Options{MaxPacks: 1}))
	t.Cleanup(few.Close)
	theirs, err := few.Repository(m.host.URL+"/.git", gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	old := m.files(".pack")[0]
	m.change("d1/f1", "later")
	m.intact(theirs)
	if _, err := os.Stat(old); err == nil {
		t.Fatal("the mirror was not made anew")
	}
	if _, err := tree.ReadFile("d2/f2"); err != nil {
		t.Error(err)
	}
	readAll(t, idle, tip)
	before := m.host.fetches.Load()
	m.intact(ours)
	if n := m.host.fetches.Load(); n != before {
		t.Error("what the other process has fetched was fetched again")
	}
}
