package hold

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// hold runs the command.
func hold(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := New(func(_ *cobra.Command, err error) error { return errors.Join(errors.New("usage"), err) })
	c.SilenceErrors, c.SilenceUsage = true, true
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append(args, "--data-dir", t.TempDir()))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

// A person holds a commit, and all, with a reason, and lifts both again: the repository says who and why, and nothing is
// left of it. The notes of clusters of an older version are moved out of the way.
func TestAHoldIsPutAndLifted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "fleet")
	commit := gittest.Commit(t, dir, "agent.yaml", "version: 1")
	gittest.Commit(t, dir, "agent.yaml", "version: 2")
	older := forge.NewNotes(dir, "", remote.Auth{}, t.TempDir())
	if err := older.Report(t.Context(), []forge.Status{{Commit: commit, Context: "a", State: forge.Success}}).Err(); err != nil {
		t.Fatal(err)
	}
	url := gittest.ServeHTTP(t, filepath.Dir(dir), "", func() {}) + "/fleet/.git"
	gittest.Run(t, dir, "config", "http.receivepack", "true")
	held := func() string {
		return gittest.Run(t, dir, "for-each-ref", "--format=%(refname) %(authorname) %(subject)", "refs/notes/daemongate/_hold")
	}
	for _, args := range [][]string{{url, commit[:8], "--reason", "breaks DNS", "--by", "ada"}, {url, "--all", "--reason", "incident\n4711", "--by", "grace"},
		{dir, commit, "--reason", "breaks DNS on arm64", "--by", "ada"}} {
		if out, err := hold(t, args...); err != nil || !strings.Contains(out, "is held in all clusters") {
			t.Fatalf("%v: %s, %v", args, out, err)
		}
	}
	for _, want := range []string{"_hold/" + commit + " ada breaks DNS on arm64", "_hold/all grace incident 4711"} {
		if got := held(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
			t.Fatalf("held is\n%s\nand lacks %q", got, want)
		}
	}
	if _, err := hold(t, url, "--all", "--lift"); err != nil {
		t.Fatal(err)
	}
	if _, err := hold(t, url, "--all", "--lift"); !errors.Is(err, forge.ErrNoHold) || !strings.Contains(err.Error(), commit) {
		t.Errorf("lifted twice: %v", err)
	}
	if out, err := hold(t, url, commit, "--lift"); err != nil || !strings.Contains(out, commit+" is no longer held") || held() != "" {
		t.Errorf("%s, %v, left: %s", out, err, held())
	}
}

// What cannot be meant is refused before anything is written.
func TestHoldsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "fleet")
	gittest.Commit(t, dir, "agent.yaml", "version: 1")
	for want, args := range map[string][]string{"want the URL": {}, "a commit after the URL": {dir}, "give none": {dir, "abc", "--all", "--reason", "x"},
		"say why": {dir, "--all"}, "not for --lift": {dir, "--all", "--lift", "--reason", "x"},
		"is none of the newest": {dir, "0123456", "--reason", "x"}} {
		if _, err := hold(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

// A hold in a clone would hold nobody, so it is refused, with the URL of the repository that may be meant.
func TestACloneIsNotHeld(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "fleet")
	gittest.Commit(t, dir, "agent.yaml", "version: 1")
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", dir, clone)
	gittest.Run(t, clone, "config", "remote.origin.url", "https://ada:hunter2@git.example.com/fleet.git")
	for _, location := range []string{clone, "file://" + clone} {
		_, err := hold(t, location, "--all", "--reason", "incident 4711")
		if err == nil || !strings.Contains(err.Error(), "holds nobody") || !strings.Contains(err.Error(), "git.example.com/fleet.git") ||
			strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", location, err)
		}
	}
	if refs := gittest.Run(t, clone, "for-each-ref", "refs/notes"); refs != "" {
		t.Errorf("held all the same: %s", refs)
	}
}
