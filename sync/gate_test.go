package sync

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// Each transcript is a story of pushes and verdicts; what the gate did stands indented below each line.
// Run with -update to rewrite them, and review the diff.
func TestGateTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/gate/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newStage(t).play(string(script))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(script) {
				t.Errorf("%s differs; got:\n%s", file, got)
			}
		})
	}
}

// stage plays one transcript: a small repository and a small cluster around a gate.
type stage struct {
	t       *testing.T
	gate    Gate
	state   State
	o       Observation
	start   time.Time
	commits []Commit
	// sets is what preparing gives, by commit: a digest, or an outcome and a problem.
	sets map[string]string
	// unverified says of commits why their signature does not count.
	unverified map[string]string
	out        strings.Builder
}

func newStage(t *testing.T) *stage {
	start := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	return &stage{t: t, start: start, sets: map[string]string{}, unverified: map[string]string{},
		gate: Gate{Order: api.OrderLatest, OnStuck: api.OnStuckRelease, Deadline: 15 * time.Minute, Prune: true,
			Relapse: 10 * time.Minute, OnRelapse: api.OnRelapseReport},
		o: Observation{Now: start, Generation: 1}}
}

func (s *stage) play(script string) string {
	lines := bufio.NewScanner(strings.NewReader(script))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, " ") {
			continue
		}
		fmt.Fprintln(&s.out, line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			s.do(words[0], words[1:])
			s.tick()
		}
	}
	return s.out.String()
}

// do carries out one line of the script.
func (s *stage) do(verb string, args []string) {
	switch verb {
	case "gate":
		s.configure(args)
	case "push":
		s.push(args)
	case "rewrite":
		// rewrite to: the history is cut after a commit ("-" for all of it), then others are pushed
		s.commits = s.commits[:s.index(args[0])+1]
		s.push(args[1:])
	case "written":
		s.o.Written = &Written{Commit: s.state.InFlight.Commit, Digest: s.state.InFlight.Digest, At: s.o.Now,
			Problem: strings.Join(args, " "), Workloads: []api.Workload{{Kind: "DaemonSet", Name: "agent"}}}
	case "rollout":
		s.rollout(args)
	case "pruned":
		s.o.Pruned = &Pruned{Commit: s.state.InFlight.Commit, Digest: s.state.InFlight.Digest, Done: true}
	case "relapse":
		// relapse CrashLoop on 3 nodes: what the agents of the completed flight do; without words, they do not settle
		s.relapse(args)
	case "well":
		s.relapse(nil)
		s.o.Relapse.Well = true
	case "wait":
		d, err := time.ParseDuration(args[0])
		s.check(err)
		s.o.Now = s.o.Now.Add(d)
	case "restart":
		s.restart()
	case "set":
		s.sets[args[0]] = strings.Join(args[1:], " ")
	default:
		s.told(verb, args)
	}
}

// told carries out a line about what people and the clock say.
func (s *stage) told(verb string, args []string) {
	switch verb {
	case "polled":
		s.o.Polled = true
	case "unseen":
		// the repository has not been seen since a restart
		s.o.History = nil
	case "respec":
		s.o.Generation++
	case "suspend":
		s.o.Suspended = true
	case "resume":
		s.o.Suspended = false
	case "again":
		s.o.Again = true
	case "unverified":
		s.unverified[args[0]] = fmt.Sprintf("commit %s %s", args[0], strings.Join(args[1:], " "))
		s.look()
	case "verified":
		delete(s.unverified, args[0])
		s.look()
	case "closed", "open":
		// closed 2h: no window is open, and that changes in two hours
		d, err := time.ParseDuration(args[0])
		s.check(err)
		s.o.Window = Opening{Changes: s.o.Now.Add(d)}
		if verb == "closed" {
			s.o.Window.Closed = "no window is open; the next opens Mon 22:00"
		}
	case "override":
		s.o.Override = &api.Override{Commit: args[0], Reason: "it burns", By: "ada", At: metav1.NewTime(s.o.Now)}
	case "release":
		s.o.Released = strings.Join(args, " ")
	default:
		s.t.Fatalf("no such line: %s", verb)
	}
}

func (s *stage) configure(args []string) {
	for _, a := range args {
		switch a {
		case "Each", "Latest":
			s.gate.Order = api.Order(a)
		case "Hold", "Release", "Rollback":
			s.gate.OnStuck = api.OnStuck(a)
		case "RelapseReport", "RelapseHold", "RelapseRollback":
			s.gate.OnRelapse = api.OnRelapse(strings.TrimPrefix(a, "Relapse"))
		case "VerifyHead", "VerifyEvery":
			s.gate.Verify = api.VerifyMode(strings.TrimPrefix(a, "Verify"))
		}
	}
}

// push adds commits; "c2=d1" renders to the set d1, a bare "c2" to a set of its own.
func (s *stage) push(args []string) {
	for _, a := range args {
		commit, set, found := strings.Cut(a, "=")
		if !found {
			set = "set-of-" + commit
		}
		if _, known := s.sets[commit]; !known {
			s.sets[commit] = set
		}
		s.commits = append(s.commits, Commit{Hash: commit, Subject: "subject of " + commit})
	}
	s.look()
}

// look reads the history as gitsource does: what comes after Passed, or after the merge base.
func (s *stage) look() {
	h := &History{After: s.state.Passed, Unverified: maps.Clone(s.unverified)}
	if n := len(s.commits); n > 0 {
		h.Head = s.commits[n-1].Hash
		h.Commits = s.commits[n-1:]
		if s.state.Passed != "" {
			h.Commits = s.commits[s.index(s.state.Passed)+1:]
		}
	}
	s.o.History = h
}

func (s *stage) index(commit string) int {
	for i, c := range s.commits {
		if c.Hash == commit {
			return i
		}
	}
	return -1
}

func (s *stage) rollout(args []string) {
	f := s.state.InFlight
	r := &Rollout{Commit: f.Commit, Digest: f.Digest, State: api.CommitState(args[0]), Nodes: api.NodeCounts{Desired: 12}}
	for _, a := range args[1:] {
		if a == "oldpods" {
			r.OldPods = true
			continue
		}
		r.Causes = append(r.Causes, api.Cause{Code: a})
		r.Message = a
	}
	s.o.Rollout = r
}

func (s *stage) relapse(args []string) {
	f := s.state.InFlight
	s.o.Relapse = &Relapse{Commit: f.Commit, Digest: f.Digest, Message: strings.Join(args, " ")}
	if len(args) > 0 {
		s.o.Relapse.Causes = []api.Cause{{Code: args[0]}}
	}
}

// restart loses all that is not in the status.
func (s *stage) restart() {
	data, err := json.Marshal(s.state)
	s.check(err)
	s.state = State{}
	s.check(json.Unmarshal(data, &s.state))
	s.o = Observation{Now: s.o.Now, Generation: s.o.Generation, Suspended: s.o.Suspended, Window: s.o.Window, Override: s.o.Override}
	s.look()
}

// tick is the loop around the gate, with a cluster that prepares at once and writes when told.
func (s *stage) tick() {
	for range 10 {
		var d Decision
		s.state, d = s.gate.Step(s.state, s.o)
		s.consume(d)
		s.print(d)
		if d.Prepare == "" {
			s.o.Again = false
			return
		}
		s.o.Prepared = s.prepare(d.Prepare)
	}
	s.t.Fatal("the gate does not come to rest")
}

// consume forgets what a step has used up: a prepared set that will not do, and of an earlier flight everything.
func (s *stage) consume(d Decision) {
	if d.Used {
		s.o.Prepared, s.o.Again = nil, false
	}
	if d.Apply != "" {
		s.o.Written, s.o.Rollout, s.o.Pruned, s.o.Relapse = nil, nil, nil, nil
	}
}

func (s *stage) prepare(commit string) *Prepared {
	p := &Prepared{Commit: commit, Generation: s.o.Generation, Outcome: Ready, Digest: s.sets[commit]}
	for _, o := range []Outcome{Invalid, Refused, Slow, Unavailable, Early} {
		if problem, found := strings.CutPrefix(s.sets[commit], string(o)); found {
			p.Outcome, p.Digest, p.Problem = o, "", strings.TrimSpace(problem)
			p.RetryAt = s.o.Now.Add(10 * time.Second)
		}
	}
	return p
}

func (s *stage) print(d Decision) {
	for _, m := range d.Moves {
		fmt.Fprintf(&s.out, "    %s", m.Commit+" "+string(m.State))
		if m.By != "" {
			fmt.Fprintf(&s.out, " by %s (%s)", m.By, m.Outcome)
		}
		if m.Override != nil {
			fmt.Fprintf(&s.out, " (override by %s: %s)", m.Override.By, m.Override.Reason)
		}
		if m.Recovered {
			fmt.Fprint(&s.out, " (recovered)")
		}
		if m.Relapsed != strings.Contains(m.Message, relapsed) {
			s.t.Errorf("%s is told as relapsed: %v, with %q", m.Commit, m.Relapsed, m.Message)
		}
		if m.Message != "" {
			fmt.Fprintf(&s.out, ": %s", m.Message)
		}
		fmt.Fprintln(&s.out)
	}
	if d.Prepare != "" {
		fmt.Fprintln(&s.out, "    prepare", d.Prepare)
	}
	if d.Apply != "" {
		fmt.Fprintln(&s.out, "    APPLY", d.Apply)
	}
	if d.Prune {
		fmt.Fprintln(&s.out, "    prune")
	}
	if !d.Wake.IsZero() {
		fmt.Fprintln(&s.out, "    wake in", strconv.Itoa(int(d.Wake.Sub(s.o.Now).Seconds()))+"s")
	}
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
