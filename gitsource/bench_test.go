package gitsource_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/daemongate/daemongate/gitsource"
)

// scale is how large a repository for benchmarks is.
type scale struct {
	commits, files int
	size           int    // bytes of a file, in which nothing repeats; 0 is a small manifest
	dir            string // once it is made
	made           func() (string, error)
}

// scales are made once for all benchmarks: one of many files, one of much history, and one of large files.
var scales = map[string]*scale{
	"10000files":    newScale(5_000, 10_000, 0),
	"100000commits": newScale(100_000, 1_000, 0),
	"2GB":           newScale(1, 70, 30<<20),
}

func newScale(commits, files, size int) *scale {
	s := &scale{commits: commits, files: files, size: size}
	s.made = sync.OnceValues(s.make)
	return s
}

// make writes the repository as a stream of commits that git reads in one go, while it is being written.
func (s *scale) make() (string, error) {
	dir, err := os.MkdirTemp("", "daemongate-bench-")
	if err != nil {
		return "", err
	}
	s.dir = dir
	read, write := io.Pipe()
	go func() {
		b := bufio.NewWriter(write)
		s.stream(b)
		write.CloseWithError(b.Flush())
	}()
	for _, step := range []struct {
		stdin io.Reader
		args  []string
	}{
		{nil, []string{"init", "-q", "--bare", "-b", "main"}},
		{nil, []string{"config", "core.bigFileThreshold", "8m"}}, // or git would look for deltas of what is random
		{read, []string{"fast-import", "--quiet", "--date-format=raw"}},
		{nil, []string{"repack", "-adq", "--window=2"}},
	} {
		cmd := exec.Command("git", step.args...)
		cmd.Dir, cmd.Env, cmd.Stdin = dir, gitEnv(dir), step.stdin
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git %v: %w: %s", step.args, err, out)
		}
	}
	return dir, nil
}

func (s *scale) stream(b io.Writer) {
	commit := func(i int) {
		fmt.Fprintf(b, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 6\nchange\n",
			1_700_000_000+i)
	}
	file := func(i, version int) {
		if s.size > 0 {
			fmt.Fprintf(b, "M 100644 inline apps/%03d/%03d/large\ndata %d\n", i/100, i%100, s.size)
			_, _ = io.CopyN(b, rand.NewChaCha8([32]byte{byte(i)}), int64(s.size))
			fmt.Fprintln(b)
			return
		}
		content := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\ndata:\n  version: %q\n  "+
			"pad: %q\n",
			i, fmt.Sprint(version), strings.Repeat(fmt.Sprint(i*7919), 60))
		fmt.Fprintf(b, "M 100644 inline apps/%03d/%03d/config.yaml\ndata %d\n%s\n", i/100, i%100, len(content), content)
	}
	commit(0)
	for i := range s.files {
		file(i, 0)
	}
	for i := 1; i < s.commits; i++ {
		commit(i)
		file(i*31%s.files, i)
	}
}

// childMirrors names a repository to a process of this test that is to do nothing but mirror it, and say how much memory
// it took at most, in MB.
const childMirrors = "DAEMONGATE_BENCH_MIRRORS"

func TestMain(m *testing.M) {
	if url := os.Getenv(childMirrors); url != "" {
		os.Exit(mirrorAlone(url))
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // they wait for git, for hosts that are silent, and for one another
	code := m.Run()
	for _, s := range scales {
		_ = os.RemoveAll(s.dir) // not what other processes have made
	}
	os.Exit(code)
}

func mirrorAlone(url string) (code int) {
	dir, err := os.MkdirTemp("", "daemongate-bench-")
	if err != nil {
		return 1
	}
	defer os.RemoveAll(dir)
	store := gitsource.Open(dir, gitsource.Options{})
	defer store.Close()
	r, err := store.Repository(url, gitsource.Auth{})
	if err == nil {
		_, err = r.Head(context.Background(), main)
	}
	peak, unknown := peakMB()
	if err = errors.Join(err, unknown); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(peak)
	return 0
}

// bigWork is the repository of that many files.
func bigWork(b *testing.B) *work { return scaled(b, "10000files") }

func scaled(b *testing.B, name string) *work {
	b.Helper()
	dir, err := scales[name].made()
	if err != nil {
		b.Fatal(err)
	}
	return &work{b, dir}
}

// atEveryScale runs a benchmark on each of the large repositories, served over http.
func atEveryScale(b *testing.B, bench func(b *testing.B, w *work, url string, files int)) {
	for name, s := range scales {
		b.Run(name, func(b *testing.B) {
			w := scaled(b, name)
			bench(b, w, serve(b, filepath.Dir(w.dir)).URL+"/"+filepath.Base(w.dir), s.files)
		})
	}
}

// push commits one changed file, as a push would.
func (w *work) push(i int) {
	content := fmt.Sprintf("push %d of %s\n", i, time.Now())
	w.gitIn(fmt.Sprintf("commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 4\npush\nfrom "+
		"refs/heads/main^0\nM 100644 inline apps/000/001/config.yaml\ndata %d\n%s\n", time.Now().Unix(), len(content),
		content), "fast-import", "--quiet", "--date-format=raw")
}

// against runs ours and git's own way in turns, and reports ours as ns/op and the ratio of the two. What others do
// comes after, by name.
func against(b *testing.B, ours, gits func(i int), others ...other) {
	b.Helper()
	others = append([]other{{"git", gits}}, others...)
	var mine, worked time.Duration
	took, work := make([]time.Duration, len(others)), make([]time.Duration, len(others))
	measure := func(do func(int), i int, took, work *time.Duration) {
		began, before := time.Now(), processorTime(b)
		do(i)
		*took += time.Since(began)
		*work += processorTime(b) - before
	}
	for i := 0; b.Loop(); i++ {
		measure(ours, i, &mine, &worked)
		b.StopTimer()
		for j, o := range others {
			measure(o.do, i, &took[j], &work[j])
		}
		b.StartTimer()
	}
	for j, o := range others {
		b.ReportMetric(float64(mine)/float64(took[j]), "times-"+o.name)
		b.ReportMetric(float64(took[j].Microseconds())/float64(b.N)/1000, o.name+"-ms/op")
		b.ReportMetric(float64(worked)/float64(max(1, work[j])), "times-"+o.name+"-cpu")
	}
	b.ReportMetric(float64(worked.Microseconds())/float64(b.N)/1000, "cpu-ms/op")
}

type other struct {
	name string
	do   func(i int)
}

// The first mirror of a repository over http, against git clone --bare and go-git's plain clone.
func BenchmarkFirstMirror(b *testing.B) {
	atEveryScale(b, func(b *testing.B, w *work, at string, _ int) {
		against(b, func(int) { head(b, open(b, at, gitsource.Auth{}, gitsource.Options{})) },
			func(int) { w.git("clone", "-q", "--bare", "--single-branch", "--no-tags", at, b.TempDir()) },
			other{"go-git", func(int) {
				if _, err := git.PlainClone(b.TempDir(), true, &git.CloneOptions{URL: at, SingleBranch: true,
					Tags: git.NoTags}); err != nil {
					b.Fatal(err)
				}
			}})
	})
}

// The peak of a process's resident memory that does nothing but mirror, in MB.
func BenchmarkMirrorMemory(b *testing.B) {
	atEveryScale(b, func(b *testing.B, _ *work, at string, _ int) {
		const target = 200 // MB
		var peak float64
		for b.Loop() {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), childMirrors+"="+at)
			said, err := child.CombinedOutput()
			if err != nil {
				b.Fatalf("%v: %s", err, said)
			}
			its, err := strconv.ParseFloat(strings.TrimSpace(string(said)), 64)
			if err != nil {
				b.Fatal(err)
			}
			peak = max(peak, its)
		}
		b.ReportMetric(peak, "peak-MB")
		b.ReportMetric(peak/target, "times-target")
	})
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

// A poll that finds nothing new, over http, against git ls-remote, of a repository with few refs and with many.
func BenchmarkUnchangedPoll(b *testing.B) {
	for _, refs := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("%drefs", refs), func(b *testing.B) {
			w := newWork(b)
			w.change("a.yaml", "one")
			if refs > 1 {
				w.manyRefs(refs)
			}
			server := serve(b, w.dir)
			at := server.URL + "/.git"
			r := open(b, at, gitsource.Auth{}, gitsource.Options{})
			head(b, r)
			var sent int64
			against(b, func(int) {
				before := server.sent.Load()
				head(b, r)
				sent += server.sent.Load() - before
			}, func(int) { w.git("ls-remote", "-q", at, "refs/heads/main") })
			b.ReportMetric(float64(sent)/float64(b.N), "sent-B/op")
		})
	}
}

// Reading every file of a commit, without anything remembered, against git archive and go-git's own tree of a plain
// clone.
func BenchmarkTreeWalk(b *testing.B) {
	atEveryScale(b, func(b *testing.B, w *work, at string, files int) {
		dir, plain := b.TempDir(), b.TempDir()
		opened := func() *gitsource.Repository {
			store := gitsource.Open(dir, gitsource.Options{})
			b.Cleanup(store.Close)
			r, err := store.Repository(at, gitsource.Auth{})
			if err != nil {
				b.Fatal(err)
			}
			return r
		}
		tip := head(b, opened())
		w.git("clone", "-q", "--bare", at, plain)
		against(b, func(int) { walk(b, opened(), tip, files) },
			func(int) { w.git("archive", "--format=tar", "-o", os.DevNull, "main") },
			other{"go-git", func(int) { walkPlain(b, plain, tip, files) }})
	})
}

func walk(b *testing.B, r *gitsource.Repository, commit string, want int) {
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
	if err != nil || files != want {
		b.Fatalf("read %d files: %v", files, err)
	}
}

func walkPlain(b *testing.B, dir, commit string, want int) {
	r, err := git.PlainOpen(dir)
	if err != nil {
		b.Fatal(err)
	}
	c, err := r.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		b.Fatal(err)
	}
	all, err := c.Files()
	files := 0
	if err == nil {
		err = all.ForEach(func(f *object.File) error {
			files++
			_, err := f.Contents()
			return err
		})
	}
	if err != nil || files != want {
		b.Fatalf("go-git read %d files: %v", files, err)
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
