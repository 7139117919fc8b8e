package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/board"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// stage is a repository in which clusters have told what became of commits.
type stage struct {
	*testing.T
	dir     string
	commits []string // oldest first
}

func newStage(t *testing.T, commits int) *stage {
	t.Helper()
	s := &stage{T: t, dir: filepath.Join(t.TempDir(), "fleet")}
	for i := range commits {
		s.commits = append(s.commits, gittest.Commit(t, s.dir, "agent.yaml", fmt.Sprint("version: ", i)))
	}
	return s
}

// tell writes as a cluster does; message begins with the state.
func (s *stage) tell(cluster string, commit int, state api.CommitState, message string, d forge.Details) {
	s.Helper()
	d.Sync, d.State = "platform/agents", string(state)
	host := map[api.CommitState]forge.State{api.Complete: forge.Success, api.Stuck: forge.Failure, api.Failed: forge.Error}[state]
	if host == "" {
		host = forge.Pending
	}
	n := forge.NewNotes(s.dir, cluster, remote.Auth{}, filepath.Join(filepath.Dir(s.dir), "notes"))
	err := n.Report(s.Context(), []forge.Status{{Commit: s.commits[commit], Context: "daemongate/" + cluster + "/platform/agents",
		State: host, Description: message, Time: time.Now().Add(-time.Hour), Details: d}}).Err()
	if err != nil {
		s.Fatal(err)
	}
}

// fleet runs the command.
func (s *stage) fleet(args ...string) (out, log string) {
	s.Helper()
	format := ""
	c := New(Program{Usage: func(_ *cobra.Command, err error) error { return err },
		Print: func(w io.Writer, value any, table func(io.Writer) error) error {
			if format == "json" {
				return json.NewEncoder(w).Encode(value)
			}
			return table(w)
		}})
	c.Flags().StringVarP(&format, "output", "o", "", "")
	var stdout, stderr bytes.Buffer
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SetArgs(append(args, "--data-dir", filepath.Join(filepath.Dir(s.dir), "cache")))
	if err := c.ExecuteContext(s.Context()); err != nil {
		s.Fatal(err)
	}
	return stdout.String(), stderr.String()
}

// Three clusters follow one branch: one is done, one is stuck, one waits. A clone alone says which commit is where, who
// is behind, and why; by the folder, and by a URL, in a table that fits a terminal.
func TestWhatAFleetHasToldIsSeenFromACloneAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.tell("canary", 2, api.Complete, "Complete: 3 nodes", forge.Details{})
	s.tell("canary", 1, api.Carried, "rolled out as part of it", forge.Details{By: s.commits[2], Outcome: "Complete"})
	s.tell("eu", 1, api.Stuck, "Stuck: CrashLoop on 2 of 12 nodes: container agent, exit code 3; brake pulled", forge.Details{Cause: "CrashLoop"})
	s.tell("eu", 0, api.Complete, "Complete: 12 nodes", forge.Details{})
	s.tell("us", 2, api.Held, "Held: opens Mon 22:00", forge.Details{})
	s.tell("us", 1, api.Complete, "Complete: 12 nodes", forge.Details{})
	for _, location := range []string{s.dir, "file://" + s.dir, gittest.ServeHTTP(t, filepath.Dir(s.dir), "", func() {}) + "/fleet/.git"} {
		out, log := s.fleet(location)
		for _, want := range []string{
			"COMMIT canary eu us SUBJECT",
			s.commits[2][:7] + " Complete - Held change",
			s.commits[1][:7] + " Complete Stuck Complete change",
			s.commits[0][:7] + " - Complete - change",
			"eu platform/agents " + s.commits[1][:7] + " Stuck 60m 1 Stuck: CrashLoop on 2 of 12 nodes: container agent, exit " +
				"code 3; brake pulled",
			"us platform/agents " + s.commits[1][:7] + " Complete 60m 1 Held: opens Mon 22:00",
			"canary platform/agents " + s.commits[2][:7] + " Complete 60m 0",
		} {
			if !strings.Contains(plain(out), want) {
				t.Errorf("%s: lacks %q:\n%s%s", location, want, out, log)
			}
		}
		if strings.Index(out, "\neu ") > strings.Index(out, "\nus ") {
			t.Errorf("what is stuck does not come first:\n%s", out)
		}
		fits(t, out)
	}
}

// plain is a text without the columns and the lines that it stands in.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

// fits sees to it that no line is wider than a terminal.
func fits(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// A clone to which the notes were not fetched says how they come there; it is no fleet without trouble.
func TestACloneWithoutNotesSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.tell("canary", 0, api.Complete, "Complete: 3 nodes", forge.Details{})
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, s.dir, "clone", "-q", s.dir, clone)
	if _, log := s.fleet(clone); !strings.Contains(log, "git fetch origin 'refs/notes/daemongate*:refs/notes/daemongate*'") {
		t.Errorf("said %q", log)
	}
	gittest.Run(t, clone, "fetch", "-q", "origin", "refs/notes/daemongate*:refs/notes/daemongate*")
	if out, _ := s.fleet(clone); !strings.Contains(out, "canary") {
		t.Errorf("shows\n%s", out)
	}
}

// Filters leave those alone that are asked for.
func TestFiltersOfAFleet(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.tell("eu-1", 1, api.Complete, "Complete: 3 nodes", forge.Details{})
	s.tell("eu-2", 0, api.Complete, "Complete: 3 nodes", forge.Details{})
	s.tell("us-1", 1, api.Stuck, "Stuck: ImagePull on 1 of 3 nodes", forge.Details{Cause: "ImagePull"})
	s.tell("us-2", 1, api.Complete, "relapsed: CrashLoop on 1 of 3 nodes", forge.Details{Relapsed: true})
	for args, want := range map[string]string{"": "eu-1 eu-2 us-1 us-2", "--behind": "eu-2", "--stuck": "us-1 us-2",
		"--behind --stuck": "eu-2 us-1 us-2", "--cluster eu-*": "eu-1 eu-2", "--cluster eu-* --stuck": ""} {
		out, _ := s.fleet(append(strings.Fields(args), "-o", "json", s.dir)...)
		var b board.Board
		if err := json.Unmarshal([]byte(out), &b); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range b.Syncs {
			got = append(got, one.Cluster)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q shows %v, want %s", args, got, want)
		}
	}
	for args, want := range map[string]string{"--stuck": "", "--cluster eu-* --stuck": "of 2 Syncs none is what was asked for\n",
		"--cluster zz-*": "no cluster that has told anything is called zz-*: there are eu-1, eu-2, us-1, us-2\n"} {
		if _, log := s.fleet(append(strings.Fields(args), s.dir)...); log != want {
			t.Errorf("%q says %q, want %q", args, log, want)
		}
	}
}

// Where a commit is: it has taken over where it, or a newer one, is Complete.
func TestWhereACommitIs(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.tell("a", 2, api.Complete, "Complete: 3 nodes", forge.Details{})
	s.tell("b", 1, api.Complete, "Complete: 3 nodes", forge.Details{})
	s.tell("c", 1, api.Stuck, "Stuck: ImagePull on 1 of 3 nodes", forge.Details{Cause: "ImagePull"})
	s.tell("d", 0, api.Complete, "Complete: 3 nodes", forge.Details{})
	out, _ := s.fleet("--commit", s.commits[1][:8], "-o", "json", s.dir)
	var w board.Where
	if err := json.Unmarshal([]byte(out), &w); err != nil {
		t.Fatal(err)
	}
	has := ""
	for _, p := range w.Syncs {
		has += fmt.Sprintf("%s %v %s;", p.Cluster, p.Has, p.State)
	}
	if has != "a true ;b true Complete;c false Stuck;d false ;" || w.On != 2 || w.Of != 4 {
		t.Errorf("%s on %d of %d", has, w.On, w.Of)
	}
	text, _ := s.fleet("--commit", s.commits[1][:8], s.dir)
	for _, want := range []string{"has taken over on 2 of 4 Syncs", "ImagePull on 1 of 3 nodes"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	fits(t, text)
}

// What older versions wrote in the one ref of all clusters is still shown, beside what is told since; and a cluster that
// has said nothing for long is not forgotten.
func TestOlderNotesAndSilentClustersAreShown(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	old := forge.NewNotes(s.dir, "", remote.Auth{}, t.TempDir())
	err := old.Report(t.Context(), []forge.Status{
		{Commit: s.commits[1], Context: "daemongate/us/platform/agents", State: forge.Failure, Description: "Stuck: ImagePull"},
		{Commit: s.commits[1], Context: "daemongate/eu/platform/agents", State: forge.Pending, Description: "Held: opens Mon 22:00"},
	}).Err()
	if err != nil {
		t.Fatal(err)
	}
	s.tell("silent", 0, api.Complete, "Complete: 3 nodes", forge.Details{})
	s.tell("new", 1, api.Complete, "Complete: 3 nodes", forge.Details{})
	out, _ := s.fleet("--limit", "1", s.dir)
	for _, want := range []string{"us daemongate/us/platf…", "Stuck: ImagePull", "Held: opens Mon 22:00",
		"has said nothing of the newest commits", "1+"} {
		if !strings.Contains(plain(out), want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
}

// Of hundreds of clusters the table counts, and lists what needs a look; whatever somebody pushed beside is left out.
func TestManyClustersAreCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	for i := range 30 {
		s.tell(fmt.Sprintf("cluster-%02d", i), 1, api.Complete, "Complete: 3 nodes", forge.Details{})
	}
	s.tell("cluster-31", 1, api.Stuck, "Stuck: ImagePull on 1 of 3 nodes", forge.Details{Cause: "ImagePull"})
	blob := strings.TrimSpace(gittest.Run(t, s.dir, "rev-parse", "HEAD:agent.yaml"))
	gittest.Run(t, s.dir, "update-ref", "refs/notes/daemongate/broken", blob)
	out, log := s.fleet(s.dir)
	for _, want := range []string{"COMMIT Complete Stuck - SUBJECT", s.commits[1][:7] + " 30 1 1",
		"cluster-31", "30 Syncs Complete at " + s.commits[1][:7]} {
		if !strings.Contains(plain(out), want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "cluster-07") || !strings.Contains(log, "left out: refs/notes/daemongate/broken") {
		t.Errorf("shows\n%s%s", out, log)
	}
	if all, _ := s.fleet("--all", s.dir); !strings.Contains(all, "cluster-07") {
		t.Errorf("--all shows\n%s", all)
	}
	fits(t, out)
}
