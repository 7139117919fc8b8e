package gitsource_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/gitsource"
)

// tree returns the files of the commit at main.
func tree(t testing.TB, w *work) *gitsource.Tree {
	t.Helper()
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	tree, err := r.Tree(t.Context(), head(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func link(t testing.TB, w *work, target, name string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// The tree is what git lists and shows: every path, mode, hash and byte.
func TestTreeIsThatOfGit(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	for i := range 40 {
		w.write(fmt.Sprintf("apps/%d/deploy.yaml", i%5)+fmt.Sprint(i), strings.Repeat(fmt.Sprintln("line", i), i*30))
	}
	w.write("ünï cödé/a b\t.txt", "x")
	w.write("empty", "")
	w.write("run.sh", "#!/bin/sh\n")
	w.write("big.bin", string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)))
	if err := os.Chmod(filepath.Join(w.dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, w, "apps/1", "link")
	w.commit("a")
	tree := tree(t, w)
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimRight(w.git("ls-tree", "-r", "-z", "main"), "\x00"), "\x00") {
		fields, path, _ := strings.Cut(line, "\t")
		seen[path] = true
		sameFile(t, w, tree, path, strings.Fields(fields)[0], strings.Fields(fields)[2])
	}
	walked := 0
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			walked++
			if !seen[path] {
				t.Errorf("git does not list %q", path)
			}
		}
		return err
	})
	if err != nil || walked != len(seen) {
		t.Fatalf("walked %d files, git lists %d: %v", walked, len(seen), err)
	}
}

// sameFile compares a file with what git says of it.
func sameFile(t *testing.T, w *work, tree *gitsource.Tree, path, mode, hash string) {
	t.Helper()
	i, err := tree.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{"100644": 0o444, "100755": 0o555, "120000": fs.ModeSymlink | 0o777}[mode]
	if i.Mode() != want || i.ModTime().UTC().Year() != 2026 {
		t.Errorf("%s has mode %v of %v, want %v", path, i.Mode(), i.ModTime(), want)
	}
	if mode == "120000" {
		return
	}
	content, err := tree.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := tree.Blob(path); got != hash || int64(len(content)) != i.Size() {
		t.Errorf("%s is %s of %d bytes, want %s of %d", path, got, len(content), hash, i.Size())
	}
	if shown := w.bytes("", "cat-file", "blob", hash); !bytes.Equal(shown, content) {
		t.Errorf("%s does not hold what git shows", path)
	}
}

// It keeps the promises of io/fs, links within it included.
func TestTreeIsAFileSystem(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.write("a/b/c.yaml", "c")
	w.write("a/d.yaml", "d")
	w.write("e", "e")
	link(t, w, "../e", "a/e")
	link(t, w, "a/b", "folder")
	w.commit("a")
	if err := fstest.TestFS(tree(t, w), "a/b/c.yaml", "a/d.yaml", "e", "a/e"); err != nil {
		t.Fatal(err)
	}
}

// Links lead where they would on a disk, and never out of the tree.
func TestLinks(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.write("base/deep/x.yaml", "x")
	w.write("base/y.yaml", "y")
	link(t, w, "../base/deep", "overlay/base")
	link(t, w, "../y.yaml", "base/deep/up.yaml")
	link(t, w, "overlay/base/up.yaml", "far")
	link(t, w, "/etc/passwd", "absolute")
	link(t, w, "../outside", "out")
	link(t, w, "overlay/../../outside", "sly")
	link(t, w, "b", "loop/a")
	link(t, w, "a", "loop/b")
	link(t, w, ".", "self")
	link(t, w, "gone", "dangling")
	w.commit("a")
	tree := tree(t, w)
	for path, want := range map[string]string{
		"overlay/base/x.yaml":  "x",
		"overlay/base/up.yaml": "y", // .. of a link's target is where the target is, not where the link is
		"far":                  "y",
		"self/self/far":        "y",
	} {
		if got, err := tree.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s holds %q, want %q: %v", path, got, want, err)
		}
	}
	for path, words := range map[string]string{
		"absolute":                          "absolute -> /etc/passwd leads out of the repository",
		"out":                               "out -> ../outside leads out of the repository",
		"sly":                               "leads out of the repository",
		"loop/a":                            "in a circle",
		"loop/a/x":                          "in a circle",
		strings.Repeat("self/", 50) + "far": "in a circle",
		"dangling":                          "dangling -> gone leads to nothing",
		"absolute/x":                        "leads out of the repository",
	} {
		_, err := tree.ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", path, err, words)
		}
		if errors.Is(err, fs.ErrNotExist) != (path == "dangling") {
			t.Errorf("%s: %v is taken for a missing file, or not", path, err)
		}
		if _, err := tree.Stat(path); err == nil {
			t.Errorf("%s: stat finds something", path)
		}
	}
	if target, err := tree.ReadLink("absolute"); err != nil || target != "/etc/passwd" {
		t.Errorf("absolute leads to %q: %v", target, err)
	}
}

// What is not in Git itself is an error that says so when it is read, and only then.
func TestSubmodulesAndLFS(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	other := newWork(t)
	other.change("x", "x")
	w.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, "mod")
	w.write("lfs.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("a", 64)+
		"\nsize 12345\n")
	w.write("about.md", "version https://git-lfs.github.com/spec/v1\nis what a pointer begins with\n")
	w.commit("a")
	tree := tree(t, w)
	for path, words := range map[string]string{"mod": "submodule", "mod/x": "submodule", "lfs.bin": "Git LFS"} {
		for what, read := range map[string]func(string) error{
			"ReadFile": func(p string) error { _, err := tree.ReadFile(p); return err },
			"Open":     func(p string) error { _, err := tree.Open(p); return err },
		} {
			if err := read(path); err == nil || !strings.Contains(err.Error(), words) ||
				errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s %s: %v, want %q", what, path, err, words)
			}
		}
	}
	if _, err := tree.ReadDir("mod"); err == nil || !strings.Contains(err.Error(), "submodule") {
		t.Errorf("listing a submodule: %v", err)
	}
	if _, err := tree.ReadFile("about.md"); err != nil {
		t.Error(err)
	}
	if got, want := must(tree.Blob("mod")), w.git("rev-parse", "main:mod"); got != want {
		t.Errorf("the submodule is at %s, want %s", got, want)
	}
}

func must(s string, err error) string {
	if err != nil {
		return err.Error()
	}
	return s
}

// Files and folders have the hash that says whether a commit changed them.
func TestBlobTellsWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.write("apps/a.yaml", "a")
	w.write("docs/x.md", "x")
	first := w.commit("a")
	link(t, w, "apps", "link")
	second := w.change("docs/x.md", "y")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	one, err := r.Tree(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.Tree(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if must(one.Blob("apps")) != must(two.Blob("apps")) ||
		must(one.Blob("apps/a.yaml")) != must(two.Blob("link/a.yaml")) {
		t.Error("what did not change has another hash")
	}
	if must(one.Blob("docs/x.md")) == must(two.Blob("docs/x.md")) || must(one.Blob(".")) == must(two.Blob(".")) {
		t.Error("what changed has the same hash")
	}
	if _, err := one.Blob("link"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing path: %v", err)
	}
}

// A file that nobody should hold in memory is refused before it is read.
func TestLargeFilesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.write("zeros", strings.Repeat("0", 2<<20))
	w.commit("a")
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{MaxFile: 1 << 20})
	tree, err := r.Tree(t.Context(), head(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.ReadFile("zeros"); err == nil ||
		!strings.Contains(err.Error(), "2097152 bytes, and 1048576 are allowed") {
		t.Fatalf("the error is %v", err)
	}
	if head(t, r) == "" {
		t.Fatal("no head")
	}
}

// Fifty readers at once read the same as one.
func TestManyReadersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	for i := range 100 {
		w.write(fmt.Sprintf("d%d/f%d", i%10, i), strings.Repeat(fmt.Sprint(i), 100))
	}
	w.commit("a")
	tree := tree(t, w)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for i := range 100 {
				content, err := tree.ReadFile(fmt.Sprintf("d%d/f%d", i%10, i))
				if err != nil || string(content) != strings.Repeat(fmt.Sprint(i), 100) {
					t.Errorf("file %d: %q, %v", i, content, err)
					return
				}
			}
		})
	}
	group.Wait()
}
