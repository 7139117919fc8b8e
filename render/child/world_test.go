package child_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/render/child/childtest"
)

func TestMain(m *testing.M) {
	if child.Asked(os.Args) {
		os.Exit(child.Serve(os.Stdin, os.Stdout, os.Stderr))
	}
	if len(os.Args) == 4 && os.Args[1] == parent {
		beParent(os.Args[2], os.Args[3])
	}
	code := m.Run()
	childtest.Remove()
	os.Exit(code)
}

// git runs the real thing, with no configuration but the repository's own.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// repository is one of files in one commit.
func repository(t testing.TB, files fstest.MapFS) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	for name, file := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "files")
	return dir, git(t, dir, "rev-parse", "HEAD")
}

// mirrored is a commit's tree of a mirror.
func mirrored(t testing.TB, dir, commit string) *gitsource.Tree {
	t.Helper()
	store := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(store.Close)
	r, err := store.Repository("file://"+dir, gitsource.Auth{})
	if err == nil {
		_, err = r.Head(t.Context(), gitsource.Ref{Commit: commit})
	}
	if err != nil {
		t.Fatal(err)
	}
	tree, err := r.Tree(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// tree is that of a mirrored commit with these files.
func tree(t testing.TB, files fstest.MapFS) *gitsource.Tree {
	t.Helper()
	dir, commit := repository(t, files)
	return mirrored(t, dir, commit)
}

// runner renders until the test ends, and leaves no process behind.
func runner(t testing.TB, memory int64) *child.Runner {
	t.Helper()
	r := child.New(memory)
	t.Cleanup(func() {
		r.Close()
		if left := children(t); len(left) > 0 {
			t.Errorf("processes left behind: %v", left)
		}
	})
	return r
}

// children are the numbers of this process's children.
func children(t testing.TB) []string {
	t.Helper()
	return childrenOf(t, os.Getpid())
}

func childrenOf(t testing.TB, pid int) []string {
	t.Helper()
	var all []string
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread may have ended
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}

// eventually waits for something to come true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func file(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }
