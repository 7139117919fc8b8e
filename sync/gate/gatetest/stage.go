// Package gatetest plays stories of a gate: transcripts, random ones, and what others change.
package gatetest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Stage plays one transcript: a small repository and a small cluster around a gate.
type Stage struct {
	T           *testing.T
	Gate        gate.Gate
	State       gate.State
	Observation gate.Observation
	start       time.Time
	Commits     []gate.Commit
	// sets is what preparing gives, by commit: a digest, or an outcome and a problem.
	sets map[string]string
	// unverified says of commits why their signature does not count.
	unverified map[string]api.Public
	// left is the commit after which the history was rewritten, by each commit that is gone since; "-" if all of it
	// was. accepted are the commits that a person named.
	left     map[string]string
	accepted map[string]bool
	// lower is said of a head that is a lower version.
	lower api.Public
	out   strings.Builder
}

// NewStage is a stage on which nothing has happened yet.
func NewStage(t *testing.T) *Stage {
	start := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	return &Stage{T: t, start: start, sets: map[string]string{}, unverified: map[string]api.Public{},
		left: map[string]string{}, accepted: map[string]bool{},
		Gate: gate.Gate{Order: api.OrderLatest, OnStuck: api.OnStuckRelease, Deadline: 15 * time.Minute, Prune: true,
			Relapse: 10 * time.Minute, OnRelapse: api.OnRelapseReport, Preflight: api.PreflightWarn},
		Observation: gate.Observation{Now: start, Generation: 1}}
}

// Played is a stage after some lines of a transcript.
func Played(t *testing.T, lines ...string) *Stage {
	t.Helper()
	s := NewStage(t)
	s.Play(strings.Join(lines, "\n"))
	return s
}

// Play plays a script, and returns it with what the gate did after each line.
func (s *Stage) Play(script string) string {
	lines := bufio.NewScanner(strings.NewReader(script))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, " ") {
			continue
		}
		fmt.Fprintln(&s.out, line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			s.Do(words[0], words[1:])
			s.tick()
		}
	}
	return s.out.String()
}

// Push adds commits; "c2=d1" renders to the set d1, a bare "c2" to a set of its own.
func (s *Stage) Push(args []string) {
	for _, a := range args {
		commit, set, found := strings.Cut(a, "=")
		if !found {
			set = "set-of-" + commit
		}
		if _, known := s.sets[commit]; !known {
			s.sets[commit] = set
		}
		s.Commits = append(s.Commits, gate.Commit{Hash: commit, Subject: "subject of " + commit})
	}
	s.look()
}

// look reads the history as sync/source does: what comes after Passed, or after the merge base.
func (s *Stage) look() {
	h := &gate.History{After: s.State.Passed, Unverified: maps.Clone(s.unverified)}
	if n := len(s.Commits); n > 0 {
		h.Head = s.Commits[n-1].Hash
		h.Commits = s.Commits[n-1:]
		switch {
		case s.State.Passed == "":
		case s.index(s.State.Passed) < 0:
			s.rewritten(h)
		default:
			h.Commits = s.Commits[s.index(s.State.Passed)+1:]
		}
	}
	if h.Backward = s.lower; h.Rewritten && s.lower == "" {
		h.Backward = api.Public("does not go on from " + h.After + ", which passed last")
	}
	s.Observation.History = h
}

// rewritten reads a history that no longer has what Passed: from where it was cut, or from what a person accepted if
// that may not be believed.
func (s *Stage) rewritten(h *gate.History) {
	h.Rewritten, h.Base = true, s.State.Passed
	for h.Base != "-" && s.index(h.Base) < 0 {
		h.Base = s.left[h.Base]
	}
	if h.Base == "-" {
		h.Base, h.Unrelated = "", api.Public("shares no history with "+s.State.Passed+", which passed last")
	} else if after := s.Commits[s.index(h.Base)+1:]; len(after) > 0 {
		h.Commits = after
	}
	if h.Unrelated == "" && h.Unverified[h.Base] == "" {
		return
	}
	for i := len(s.Commits) - 1; i > s.index(h.Base); i-- {
		if s.accepted[s.Commits[i].Hash] {
			h.Base, h.Unrelated, h.Commits = "", "", s.Commits[i:]
			return
		}
	}
}

// rewrite cuts the history after a commit, or all of it ("-").
func (s *Stage) rewrite(after string) {
	keep := s.index(after) + 1
	for _, c := range s.Commits[keep:] {
		s.left[c.Hash] = after
	}
	s.Commits = s.Commits[:keep:keep]
}

func (s *Stage) index(commit string) int {
	for i, c := range s.Commits {
		if c.Hash == commit {
			return i
		}
	}
	return -1
}

// Restart loses all that is not in the status.
func (s *Stage) Restart() {
	data, err := json.Marshal(s.State)
	s.Check(err)
	s.State = gate.State{}
	s.Check(json.Unmarshal(data, &s.State))
	s.Observation = gate.Observation{Now: s.Observation.Now, Generation: s.Observation.Generation,
		Suspended: s.Observation.Suspended, StoppedForAll: s.Observation.StoppedForAll,
		Window: s.Observation.Window, Override: s.Observation.Override}
	s.look()
}

// tick is the loop around the gate, with a cluster that prepares at once and writes when told.
func (s *Stage) tick() {
	for range 10 {
		var d gate.Decision
		s.State, d = s.Gate.Step(s.State, s.Observation)
		s.consume(d)
		s.print(d)
		if d.Prepare == "" {
			s.Observation.Again = false
			return
		}
		s.Observation.Prepared = s.prepare(d.Prepare)
	}
	s.T.Fatal("the gate does not come to rest")
}

// consume forgets what a step has used up: a prepared set that will not do, and of an earlier flight everything.
func (s *Stage) consume(d gate.Decision) {
	if d.Used {
		s.Observation.Prepared, s.Observation.Again = nil, false
	}
	if d.Apply != "" {
		s.Observation.Written, s.Observation.Rollout, s.Observation.Pruned, s.Observation.Relapse = nil, nil, nil, nil
	}
}

func (s *Stage) prepare(commit string) *gate.Prepared {
	p := &gate.Prepared{Commit: commit, Generation: s.Observation.Generation, Outcome: gate.Ready,
		Digest: s.sets[commit]}
	for _, o := range []gate.Outcome{gate.Invalid, gate.Refused, gate.Slow, gate.Unavailable, gate.Early} {
		if problem, found := strings.CutPrefix(s.sets[commit], string(o)); found {
			p.Outcome, p.Digest, p.Problem = o, "", api.ForAll(api.Public(strings.TrimSpace(problem)))
			p.RetryAt = s.Observation.Now.Add(10 * time.Second)
		}
	}
	for _, kind := range []string{"Misfit", "Tight"} { // on more nodes than may fail, or on fewer
		if where, found := strings.CutPrefix(s.sets[commit], kind+" "); found {
			p.Digest, p.Misfit, p.Serious = "set-of-"+commit, api.ForAll(api.Public(where)), kind == "Misfit"
		}
	}
	return p
}

func (s *Stage) print(d gate.Decision) {
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
		if m.Relapsed != strings.Contains(m.Message.Private, "relapsed: ") {
			s.T.Errorf("%s is told as relapsed: %v, with %q", m.Commit, m.Relapsed, m.Message.Private)
		}
		if m.Message.Private != "" {
			fmt.Fprintf(&s.out, ": %s", m.Message.Private)
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
		fmt.Fprintln(&s.out, "    wake in", strconv.Itoa(int(d.Wake.Sub(s.Observation.Now).Seconds()))+"s")
	}
}

// Check ends the test if there is an error.
func (s *Stage) Check(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}
