package gitsource_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// rawTree writes a tree object that git itself would refuse to make, and a commit of it as main.
func rawTree(w *work, names ...string) {
	w.Helper()
	blob := w.gitIn("x", "hash-object", "-w", "--stdin")
	raw, err := hex.DecodeString(blob)
	if err != nil {
		w.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "100644 %s\x00%s", name, raw)
	}
	root := w.gitIn(b.String(), "hash-object", "-w", "-t", "tree", "--stdin", "--literally")
	w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-m", "hostile", root))
}

// A folder with a name that is no file's is refused as a whole; the rest of the commit can be read.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{".."}, {"."}, {".git"}, {".GIT"}, {"a/b"}, {""}, {"a", "a"},
		{"fine", "../../etc/passwd"}} {
		w := newWork(t)
		rawTree(w, names...)
		r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
		tip, err := r.Head(t.Context(), main)
		if err == nil {
			_, err = r.Tree(t.Context(), tip)
		}
		if err == nil {
			t.Errorf("a folder with the names %q was read", names)
		} else if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v is taken for a missing file", err)
		}
	}
}

// Whatever names and links a tree has, reading it ends, and ends within it.
func FuzzTree(f *testing.F) {
	f.Add("name", "target")
	f.Add("..", "../..")
	f.Add(".git", "/etc/passwd")
	f.Add("a\nb", "x/../x/../x")
	f.Add("x", "x")
	f.Fuzz(func(t *testing.T, name, target string) {
		if strings.ContainsRune(name, 0) || len(name)+len(target) > 4000 {
			t.Skip()
		}
		w := newWork(t)
		entry := func(mode, name, hash string) string {
			raw, err := hex.DecodeString(hash)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("%s %s\x00%s", mode, name, raw)
		}
		inner := w.gitIn(entry("120000", name, w.gitIn(target, "hash-object", "-w", "--stdin", "--literally")),
			"hash-object", "-w", "-t", "tree", "--stdin", "--literally")
		root := w.gitIn(entry("40000", "d", inner)+
			entry("100644", "secret", w.gitIn("x", "hash-object", "-w", "--stdin")),
			"hash-object", "-w", "-t", "tree", "--stdin", "--literally")
		w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-m", "fuzz", root))
		tree := tree(t, w)
		for _, path := range []string{"d/" + name, "d/" + target, "d/x/x", target} {
			content, err := tree.ReadFile(path)
			if err == nil && string(content) != "x" && string(content) != target {
				t.Errorf("%q holds %q", path, content)
			}
		}
		_ = fs.WalkDir(tree, ".", func(_ string, _ fs.DirEntry, err error) error { return err })
	})
}
