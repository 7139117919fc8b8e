package gitsource_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

const (
	bigCommits = 5_000
	bigFiles   = 10_000
)

// bigRepository is a repository with bigCommits and bigFiles, made once for all benchmarks.
var bigRepository = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "daemongate-bench-")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	commit := func(i int) {
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 6\nchange\n", 1_700_000_000+i)
	}
	file := func(i, version int) {
		content := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\ndata:\n  version: %q\n  pad: %q\n",
			i, fmt.Sprint(version), strings.Repeat(fmt.Sprint(i*7919), 60))
		fmt.Fprintf(&b, "M 100644 inline apps/%03d/%03d/config.yaml\ndata %d\n%s\n", i/100, i%100, len(content), content)
	}
	commit(0)
	for i := range bigFiles {
		file(i, 0)
	}
	for i := 1; i < bigCommits; i++ {
		commit(i)
		file(i*31%bigFiles, i)
	}
	for _, step := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"init", "-q", "--bare", "-b", "main"}},
		{b.String(), []string{"fast-import", "--quiet", "--date-format=raw"}},
		{"", []string{"repack", "-adq"}},
	} {
		cmd := exec.Command("git", step.args...)
		cmd.Dir, cmd.Env, cmd.Stdin = dir, gitEnv(dir), strings.NewReader(step.stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git %v: %w: %s", step.args, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if leftovers, err := filepath.Glob(filepath.Join(os.TempDir(), "daemongate-bench-*")); err == nil {
		for _, dir := range leftovers {
			_ = os.RemoveAll(dir)
		}
	}
	os.Exit(code)
}

func bigWork(b *testing.B) *work {
	b.Helper()
	dir, err := bigRepository()
	if err != nil {
		b.Fatal(err)
	}
	return &work{b, dir}
}

// push commits one changed file, as a push would.
func (w *work) push(i int) {
	content := fmt.Sprintf("push %d of %s\n", i, time.Now())
	w.gitIn(fmt.Sprintf("commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 4\npush\nfrom refs/heads/main^0\n"+
		"M 100644 inline apps/000/001/config.yaml\ndata %d\n%s\n", time.Now().Unix(), len(content), content), "fast-import", "--quiet", "--date-format=raw")
}

// against runs ours and git's own way in turns, and reports ours as ns/op and the ratio of the two.
func against(b *testing.B, ours, theirs func(i int)) {
	b.Helper()
	var mine, gits time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		ours(i)
		mine += time.Since(began)
		b.StopTimer()
		began = time.Now()
		theirs(i)
		gits += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(mine)/float64(gits), "times-git")
	b.ReportMetric(float64(gits.Microseconds())/float64(b.N)/1000, "git-ms/op")
}

// The first mirror of a repository over http, against git clone --bare.
func BenchmarkFirstMirror(b *testing.B) {
	w := bigWork(b)
	at := serve(b, filepath.Dir(w.dir)).URL + "/" + filepath.Base(w.dir)
	against(b, func(int) { head(b, open(b, at, gitsource.Auth{}, gitsource.Options{})) },
		func(int) { w.git("clone", "-q", "--bare", "--single-branch", "--no-tags", at, b.TempDir()) })
}

// A push of one commit, fetched over http, against git fetch.
func BenchmarkIncrementalFetch(b *testing.B) {
	w := bigWork(b)
	at := serve(b, filepath.Dir(w.dir)).URL + "/" + filepath.Base(w.dir)
	r := open(b, at, gitsource.Auth{}, gitsource.Options{})
	head(b, r)
	clone := &work{b, b.TempDir()}
	clone.git("clone", "-q", "--bare", "--single-branch", "--no-tags", at, ".")
	w.push(-1)
	against(b, func(int) { head(b, r) },
		func(i int) {
			clone.git("fetch", "-q", "--no-tags", "origin", "+refs/heads/main:refs/heads/main")
			w.push(i)
		})
}

// A poll that finds nothing new, over http, against git ls-remote.
func BenchmarkUnchangedPoll(b *testing.B) {
	w := bigWork(b)
	at := serve(b, filepath.Dir(w.dir)).URL + "/" + filepath.Base(w.dir)
	r := open(b, at, gitsource.Auth{}, gitsource.Options{})
	head(b, r)
	against(b, func(int) { head(b, r) }, func(int) { w.git("ls-remote", "-q", at, "refs/heads/main") })
}

// Reading every file of a commit, without anything remembered, against git archive.
func BenchmarkTreeWalk(b *testing.B) {
	w := bigWork(b)
	dir := b.TempDir()
	store := gitsource.Open(dir, gitsource.Options{})
	at := w.dir
	r, err := store.Repository(at, gitsource.Auth{})
	if err != nil {
		b.Fatal(err)
	}
	tip := head(b, r)
	against(b, func(int) {
		store := gitsource.Open(dir, gitsource.Options{})
		defer store.Close()
		r, err := store.Repository(at, gitsource.Auth{})
		if err != nil {
			b.Fatal(err)
		}
		walk(b, r, tip)
	}, func(int) { w.git("archive", "--format=tar", "-o", os.DevNull, "main") })
}

func walk(b *testing.B, r *gitsource.Repository, commit string) {
	tree, err := r.Tree(b.Context(), commit)
	if err != nil {
		b.Fatal(err)
	}
	files := 0
	err = fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
			_, err = tree.ReadFile(path)
		}
		return err
	})
	if err != nil || files != bigFiles {
		b.Fatalf("read %d files: %v", files, err)
	}
}

// The history of a commit 1,000 commits back, against git rev-list.
func BenchmarkBetween(b *testing.B) {
	w := bigWork(b)
	r := open(b, w.dir, gitsource.Auth{}, gitsource.Options{})
	tip := head(b, r)
	from := w.git("rev-parse", "main~1000")
	against(b, func(int) {
		if h, err := r.Between(b.Context(), from, tip); err != nil || len(h.Commits) != 1000 {
			b.Fatal(len(h.Commits), err)
		}
	}, func(int) { w.git("rev-list", "--first-parent", "--format=%s %an %ct", from+".."+tip) })
}
