package forge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Every cluster has a ref of its own, whose name git takes, and from which the cluster's name can be read again.
func TestEveryClusterHasARefThatGitTakes(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	seen := map[string]bool{}
	for _, name := range []string{"prod", "Prod-1.eu", "a..b", "x.lock", "_hold", ".hidden", "end.", "eu/prod", "a b~^:?*[\\",
		"arn:aws:eks:eu-west-1:1:cluster/prod", "100%", "größe", "a@{b", "%41"} {
		ref := forge.RefOf(name)
		r.git("update-ref", ref, commits[0])
		if got, ok := forge.ClusterOf(ref); !ok || got != name || seen[ref] || !strings.HasPrefix(ref, forge.NotesPrefix+"/") ||
			strings.HasPrefix(ref, forge.NotesPrefix+"/_") {
			t.Errorf("%q has the ref %s, of %q", name, ref, got)
		}
		seen[ref] = true
	}
	for _, ref := range []string{"refs/notes/daemongate/_hold", "refs/notes/commits", "refs/notes/daemongates/a", "refs/notes/daemongate/",
		"refs/notes/daemongate-before/a\u009b2J", "refs/notes/daemongate-before/a\u202eb"} { // Git takes these
		if name, ok := forge.ClusterOf(ref); ok {
			t.Errorf("%s is of %q", ref, name)
		}
	}
}

// The ref that all clusters shared is in the way of their own refs: whoever writes first moves it aside, and what stood
// there can still be read.
func TestTheSharedRefIsMovedAside(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	report(t, notes(r), status(commits[0], "daemongate/prod/platform/agents", forge.Success, "Complete: 12 nodes"))
	shared := r.git("rev-parse", forge.NotesPrefix)
	for _, cluster := range []string{"prod", "test"} {
		n := forge.NewNotes(r.dir, cluster, remote.Auth{}, t.TempDir())
		report(t, n, status(commits[1], "daemongate/"+cluster+"/platform/agents", forge.Success, "Complete: 3 nodes"))
	}
	want := []string{"refs/notes/daemongate-before/" + shared[:12], "refs/notes/daemongate/prod", "refs/notes/daemongate/test"}
	if got := r.git("for-each-ref", "--format=%(refname)", "refs/notes"); got != strings.Join(want, "\n") {
		t.Fatalf("the refs are\n%s", got)
	}
	if got := r.git("rev-parse", want[0]); got != shared {
		t.Errorf("%s is at %s, want %s", want[0], got, shared)
	}
	log := r.git("log", "--notes=daemongate/*", "--notes=daemongate-before/*", "--format=%N", "main")
	for _, line := range []string{"daemongate/prod/platform/agents: success: Complete: 12 nodes",
		"daemongate/prod/platform/agents: success: Complete: 3 nodes",
		"daemongate/test/platform/agents: success: Complete: 3 nodes"} {
		if !strings.Contains(log, line) {
			t.Errorf("git log lacks %q:\n%s", line, log)
		}
	}
	r.git("fsck", "--strict")
}

// A move that was cut off between the copy and the deletion is gone on with, also if an older version wrote in between.
func TestAMoveThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	old := notes(r)
	report(t, old, status(commits[0], "daemongate/old", forge.Pending, "Held"))
	first := r.git("rev-parse", forge.NotesPrefix)
	r.git("update-ref", "refs/notes/daemongate-before/"+first[:12], first)
	report(t, old, status(commits[1], "daemongate/old", forge.Success, "Complete"))
	last := r.git("rev-parse", forge.NotesPrefix)
	report(t, forge.NewNotes(r.dir, "prod", remote.Auth{}, t.TempDir()),
		status(commits[1], "daemongate/prod", forge.Success, "Complete"))
	for _, at := range []string{first, last} {
		if got := r.git("rev-parse", "refs/notes/daemongate-before/"+at[:12]); got != at {
			t.Errorf("what was at %s is lost", at)
		}
	}
	if got := r.git("notes", "--ref=daemongate/prod", "show", commits[1]); got != "daemongate/prod: success: Complete" {
		t.Errorf("the note is %q", got)
	}
}

// A server that lets no ref be deleted keeps the shared ref: the error says what is in the way.
func TestASharedRefThatMayNotBeDeletedIsSaid(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	letter := status(commits[0], "daemongate/prod", forge.Success, "Complete")
	report(t, notes(r), letter)
	hook := filepath.Join(r.dir, ".git", "hooks", "update")
	script := "#!/bin/sh\n! expr \"$3\" : '0*$' >/dev/null\n"
	if err := os.WriteFile(hook, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	n := forge.NewNotes(r.dir, "prod", remote.Auth{}, t.TempDir())
	if err := n.Report(t.Context(), []forge.Status{letter}).Err(); err == nil ||
		!strings.Contains(err.Error(), "stands in the way of refs/notes/daemongate/") {
		t.Fatalf("the error is %v", err)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	report(t, n, letter)
}

// What stands in a note can be read again, whatever a description holds, and what others wrote there is no status.
func TestNotesCanBeReadAgain(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 2, 11, 0, 928190000, time.UTC) // as a status has it
	stuck := forge.Status{Context: "daemongate/prod/platform/agents", State: forge.Failure, URL: "https://example.com/x", Time: at,
		Description: `Stuck: CrashLoop on 2 of 12 nodes: said <b> {"state":"Complete"}: success`,
		Details:     forge.Details{Sync: "platform/agents", State: "Stuck", Cause: "CrashLoop"}}
	carried := forge.Status{Context: "a: b", State: forge.Success, Description: "rolled out as part of 9f3e2d1", Time: at,
		Details: forge.Details{State: "Carried", By: strings.Repeat("9", 40), Outcome: "Complete"}}
	plain := forge.Status{Context: "daemongate/old", State: forge.Pending}
	r, commits := newRepo(t, 1)
	r.git("notes", "--ref=daemongate/prod", "add", "-m", "Reviewed-by: Grace\nnote: successful\n: success", commits[0])
	n := forge.NewNotes(r.dir, "prod", remote.Auth{}, t.TempDir())
	for _, s := range []forge.Status{stuck, carried, plain} {
		s.Commit = commits[0]
		report(t, n, s)
	}
	got := forge.ParseNote(commits[0], r.git("notes", "--ref=daemongate/prod", "show", commits[0]))
	if len(got) != 3 {
		t.Fatalf("read %+v", got)
	}
	for i, want := range []forge.Status{stuck, carried, plain} {
		want.Commit, want.Details.Since = commits[0], want.Time
		if got[i] != want {
			t.Errorf("read\n%#v\nwant\n%#v", got[i], want)
		}
	}
}

// Whoever may push notes writes what others read on their terminals: nothing of it moves a cursor or makes a line.
func TestNotesWriteNothingToATerminalButText(t *testing.T) {
	note := "daemongate/prod: success: fine {\"sync\":\"a\\u001b]0;x\\u0007\\nb\",\"state\":\"Com\\tplete\"," +
		"\"by\":\"\\u001b[2J\",\"outcome\":\"\\r\",\"cause\":\"\\u009b1m\"}\n"
	list := forge.ParseNote("c1", note)
	if len(list) != 1 {
		t.Fatalf("read: %+v", list)
	}
	d := list[0].Details
	for _, text := range []string{d.Sync, d.State, d.By, d.Outcome, d.Cause} {
		if strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q", text)
		}
	}
}
