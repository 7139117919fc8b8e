package child_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
)

// Whatever a process says that is not an answer is no verdict about the commit, ends soon, and is not held in memory.
func TestAnAnswerThatIsNoneIsNotTheCommitsFault(t *testing.T) {
	files := tree(t, ordinary)
	for name, c := range map[string]struct{ script, says string }{
		"silence": {"exit 0", "it gave no answer"},
		"a crash": {"echo 'fatal error: all at once' >&2; exit 2", "exit status 2: fatal error: all at once"},
		"a late word": {"printf 'runtime: of it\\n\\nfatal error: all at once\\n' >&2; exit 2",
			"exit status 2: runtime: of it"},
		"a panic":          {"echo 'panic: a secret' >&2; exit 2", "exit status 2: it panicked"},
		"garbage":          {"echo garbage; exec cat", "its answer cannot be read"},
		"nothing in it":    {"echo '{}'; exec cat", "a message with nothing in it"},
		"no object":        {`echo '{"Object":{"a":1}}'; exec cat`, "its answer cannot be read"},
		"half an answer":   {`printf '{"Began":true}{"Answer":{"Read":["a"'`, "it gave no answer"},
		"without an end":   {`printf '['; exec yes 1,`, "more than a render can come to"},
		"of many messages": {`exec yes '{"Began":true}'`, "a message with nothing in it"},
	} {
		t.Run(name, func(t *testing.T) {
			r := child.Stray(c.script)
			defer r.Close()
			_, err := r.Build(t.Context(), files, "prod", render.Options{TotalSize: 1 << 20}, child.Limits{})
			var lost *child.LostError
			if !errors.As(err, &lost) || !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
		})
	}
}

// Go's runtime has several words for a kernel that gives it no more memory: the commit took too much by each of them.
func TestAChildThatGetsNoMemoryHasTakenTooMuch(t *testing.T) {
	files := tree(t, ordinary)
	for _, words := range []string{"fatal error: runtime: out of memory",
		"fatal error: runtime: cannot allocate memory",
		"runtime: mmap(0x0, 4096) returned 0x0, 12\nfatal error: runtime: cannot map pages in arena address space"} {
		r := child.Stray("printf '" + words + "\n' >&2; exit 2")
		_, err := r.Build(t.Context(), files, "prod", render.Options{}, child.Limits{})
		r.Close()
		if memory := (*child.MemoryError)(nil); !errors.As(err, &memory) {
			t.Errorf("%s: %v", words, err)
		}
	}
}

// One that says nothing and does not end is ended by the clock.
func TestASilentChildIsEnded(t *testing.T) {
	r := child.Stray("exec sleep 1000")
	defer r.Close()
	_, err := r.Build(t.Context(), tree(t, ordinary), "prod", render.Options{},
		child.Limits{Timeout: 200 * time.Millisecond})
	var slow *child.SlowError
	if !errors.As(err, &slow) || !slow.Waiting {
		t.Error(err)
	}
}

// parent has the binary of the tests be a parent that renders what does not end.
const parent = "@parent"

func beParent(mirror, commit string) {
	files, err := gitsource.OpenPlace(gitsource.Place{Mirror: mirror, Commit: commit}, nil)
	if err == nil {
		_, err = child.New(0).Build(context.Background(), files, ".", render.Options{}, child.Limits{})
	}
	panic(err)
}

// A child does not outlive its parent, however that ends.
func TestNoChildOutlivesItsParent(t *testing.T) {
	place, _ := tree(t, endless()).Place()
	p := exec.Command(os.Args[0], parent, place.Mirror, place.Commit)
	p.Stderr = t.Output()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	eventually(t, "a child of the parent", func() bool { pid = renderer(t, p.Process.Pid); return pid != 0 })
	used := child.Clock(pid)
	eventually(t, "that it renders", func() bool { spent, _ := used(); return spent > 300*time.Millisecond })
	_ = p.Process.Kill()
	killed := time.Now()
	_ = p.Wait()
	eventually(t, "its end", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(state), ") Z ")
	})
	if took := time.Since(killed); took > 2*time.Minute {
		t.Errorf("it rendered on for %s", took)
	}
}

// renderer is the number of a child of a process that is one of ours, 0 if there is none yet. Go itself forks once, to
// learn what the kernel can do.
func renderer(t *testing.T, parent int) (pid int) {
	for _, text := range childrenOf(t, parent) {
		line, _ := os.ReadFile("/proc/" + text + "/cmdline")
		if strings.HasSuffix(strings.TrimRight(string(line), "\x00"), "\x00@render") {
			_, _ = fmt.Sscan(text, &pid)
		}
	}
	return pid
}
