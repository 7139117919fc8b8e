package forge_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

type repo struct {
	testing.TB
	dir string
}

// newRepo makes a repository with n commits on main, and returns them, oldest first.
func newRepo(t testing.TB, n int) (*repo, []string) {
	t.Helper()
	r := &repo{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	var stream strings.Builder
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 2\nc\n\n",
			1_700_000_000+i)
	}
	r.gitIn(stream.String(), "fast-import", "--quiet", "--date-format=raw")
	return r, strings.Fields(r.git("rev-list", "--reverse", "main"))
}

func (r *repo) git(args ...string) string {
	r.Helper()
	return r.gitIn("", args...)
}

func (r *repo) gitIn(stdin string, args ...string) string {
	r.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "HOME="+r.dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// note is what git shows for a commit.
func (r *repo) note(commit string) string {
	r.Helper()
	return r.git("notes", "--ref=daemongate", "show", commit)
}

func (r *repo) pushes() string {
	r.Helper()
	return r.git("rev-list", "--count", forge.NotesPrefix)
}

func notes(r *repo) *forge.Notes {
	return forge.NewNotes(r.dir, "", remote.Auth{}, r.TempDir())
}

func status(commit, context string, state forge.State, description string) forge.Status {
	return forge.Status{Commit: commit, Context: context, State: state, Description: description, Time: time.Now()}
}

func report(t testing.TB, n *forge.Notes, statuses ...forge.Status) {
	t.Helper()
	if err := n.Report(t.Context(), statuses).Err(); err != nil {
		t.Fatal(err)
	}
}

// What was reported stands in git log, a line per context, and a newer state takes the place of the older one.
func TestNotesAreShownByGitLog(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	n := notes(r)
	report(t, n,
		status(commits[0], "daemongate/prod", forge.Success, "Complete, 12 nodes"),
		status(commits[1], "daemongate/prod", forge.Pending, "RollingOut"),
		status(commits[1], "daemongate/test", forge.Success, "Complete, 3 nodes"))
	if got := r.pushes(); got != "1" {
		t.Fatalf("three statuses were %s commits", got)
	}
	report(t, n, status(commits[1], "daemongate/prod", forge.Failure, "Stuck: ImagePull:\n1 of 12 nodes"))
	want := "daemongate/prod: failure: Stuck: ImagePull: 1 of 12 nodes\ndaemongate/test: success: Complete, 3 nodes"
	if got := r.note(commits[1]); got != want {
		t.Fatalf("the note is\n%s\nwant\n%s", got, want)
	}
	log := r.git("log", "--notes=daemongate", "--format=%N", "main")
	if !strings.Contains(log, "daemongate/prod: success: Complete, 12 nodes") {
		t.Fatalf("git log shows\n%s", log)
	}
	if got := r.git("log", "-1", "--format=%an", forge.NotesPrefix); got != "Daemongate" {
		t.Fatalf("the notes' author is %s", got)
	}
	r.git("fsck", "--strict")
}

// Saying again what is already there pushes nothing, also after a restart that remembers nothing.
func TestUnchangedStatusIsNotPushed(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	s := status(commits[0], "daemongate/prod", forge.Success, "Complete, 12 nodes")
	report(t, notes(r), s)
	before := r.git("rev-parse", forge.NotesPrefix)
	report(t, notes(r), s)
	if after := r.git("rev-parse", forge.NotesPrefix); after != before {
		t.Fatal("an unchanged status was pushed")
	}
}

// Lines that people or other tools wrote stay, and so do their notes on other commits.
func TestForeignLinesStay(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	r.git("notes", "--ref=daemongate", "add", "-m", "Reviewed-by: Grace", commits[0])
	r.git("notes", "--ref=daemongate", "add", "-m", "kept", commits[1])
	n := notes(r)
	report(t, n, status(commits[0], "daemongate/prod", forge.Pending, "Held"))
	r.git("notes", "--ref=daemongate", "append", "-m", "daemongate/prod: a remark", commits[0])
	report(t, n, status(commits[0], "daemongate/prod", forge.Success, "Complete"))
	note := r.note(commits[0])
	for _, line := range []string{"Reviewed-by: Grace", "daemongate/prod: success: Complete",
		"daemongate/prod: a remark"} {
		if !strings.Contains(note, line) {
			t.Errorf("the note lacks %q:\n%s", line, note)
		}
	}
	if strings.Contains(note, "Held") {
		t.Errorf("the old state is still there:\n%s", note)
	}
	if got := r.note(commits[1]); got != "kept" {
		t.Errorf("the other note is %q", got)
	}
}

// Writers that know nothing of each other meet at the server: no line is lost.
func TestConcurrentWritersAreMerged(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 3)
	const writers, rounds = 4, 3
	var group sync.WaitGroup
	for w := range writers {
		n := notes(r)
		group.Go(func() {
			for i := range rounds {
				err := n.Report(t.Context(), []forge.Status{
					status(commits[i], fmt.Sprintf("daemongate/%d", w), forge.Success,
						fmt.Sprintf("round %d", i))}).Err()
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	group.Wait()
	for i, c := range commits {
		note := r.note(c)
		for w := range writers {
			if line := fmt.Sprintf("daemongate/%d: success: round %d", w, i); !strings.Contains(note, line) {
				t.Errorf("the note of commit %d lacks %q:\n%s", i, line, note)
			}
		}
	}
}

// Many callers of one writer share pushes, and each returns when its own line is there.
func TestOneWriterBatches(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	n := notes(r)
	const callers = 20
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			context := fmt.Sprintf("daemongate/%02d", i)
			report(t, n, status(commits[0], context, forge.Success, "Complete"))
			if !strings.Contains(r.note(commits[0]), context) {
				t.Errorf("the report of %s returned before its line was there", context)
			}
		})
	}
	group.Wait()
	if got := r.pushes(); len(got) > 1 && got >= "20" {
		t.Fatalf("%s pushes for %d callers at once", got, callers)
	}
}

// A large notes tree is spread over folders by git; it is read and continued as it is, and ours is spread too.
func TestLargeNotesTreesAreSpread(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 700)
	n := notes(r)
	var all []forge.Status
	for _, c := range commits {
		all = append(all, status(c, "daemongate/prod", forge.Pending, "Held"))
	}
	report(t, n, all[:300]...)
	if trees := r.git("ls-tree", "-d", forge.NotesPrefix); trees == "" {
		t.Fatal("300 notes are in one folder")
	}
	report(t, n, all[300:]...)
	if got := strings.Count(r.git("notes", "--ref=daemongate", "list"), "\n") + 1; got != 700 {
		t.Fatalf("git sees %d notes, want 700", got)
	}
	// git rewrites the tree in its own way.
	r.git("notes", "--ref=daemongate", "append", "-m", "foreign", commits[0])
	report(t, n, status(commits[0], "daemongate/prod", forge.Success, "Complete"))
	if got := r.note(commits[0]); got != "daemongate/prod: success: Complete\n\nforeign" {
		t.Fatalf("the note is %q", got)
	}
	r.git("fsck", "--strict")
}

// The folder that the notes were read into can break at any time: they are read anew.
func TestDamagedFolderIsReadAnew(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	dir := t.TempDir()
	n := forge.NewNotes(r.dir, "", remote.Auth{}, dir)
	report(t, n, status(commits[0], "a", forge.Pending, "Held"))
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), "pack-") {
			return os.WriteFile(path, []byte("garbage"), 0o600)
		}
		return err
	})
	if err == nil {
		err = n.Report(t.Context(), []forge.Status{status(commits[0], "b", forge.Success, "Complete")}).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := r.note(commits[0]); got != "a: pending: Held\nb: success: Complete" {
		t.Fatalf("the note is %q", got)
	}
}

// A repository that cannot be pushed to is an error that says so, in bounded time, and a bad status does not keep the
// good ones back.
func TestTroubleIsSaid(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	hook := filepath.Join(r.dir, ".git", "hooks", "pre-receive")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := notes(r).Report(t.Context(), []forge.Status{status(commits[0], "a", forge.Success, "")}).Err()
	if err == nil || !strings.Contains(err.Error(), "hook declined") || !strings.Contains(err.Error(), r.dir) {
		t.Fatalf("the error is %v", err)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	err = notes(r).Report(t.Context(), []forge.Status{
		status("main", "a", forge.Success, ""), status(commits[0], "a", "done", ""),
		status(commits[0], "a", forge.Success, "Complete")}).Err()
	if err == nil || !strings.Contains(err.Error(), `"main"`) || !strings.Contains(err.Error(), `"done"`) {
		t.Fatalf("the error is %v", err)
	}
	if got := r.note(commits[0]); got != "a: success: Complete" {
		t.Fatalf("the note is %q", got)
	}
}

// The log has a line per status.
func TestLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := forge.NewLog(&b).Report(context.Background(), []forge.Status{
		{Commit: strings.Repeat("a", 40), Context: "daemongate/prod", State: forge.Success,
			Description: "Complete,\x1b[31m\n12 nodes", URL: "https://example.com/x"}}).Err()
	if want := "aaaaaaaaaa daemongate/prod: success: Complete, [31m 12 nodes <https://example.com/x>\n"; err != nil ||
		b.String() != want {
		t.Fatalf("%q, %v", b.String(), err)
	}
}
