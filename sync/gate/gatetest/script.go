package gatetest

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Do carries out one line of the script.
func (s *Stage) Do(verb string, args []string) {
	switch verb {
	case "gate":
		s.configure(args)
	case "push":
		s.Push(args)
	case "rewrite":
		// rewrite to: the history is cut after a commit ("-" for all of it), then others are pushed
		s.rewrite(args[0])
		s.Push(args[1:])
	case "written":
		s.Observation.Written = &gate.Written{Commit: s.State.InFlight.Commit, Digest: s.State.InFlight.Digest,
			At:      s.Observation.Now,
			Problem: strings.Join(args, " "), Workloads: []api.Workload{{Kind: "DaemonSet", Name: "agent"}}}
	case "rollout":
		s.rollout(args)
	case "pruned":
		s.Observation.Pruned = &gate.Pruned{Commit: s.State.InFlight.Commit, Digest: s.State.InFlight.Digest,
			Done: true}
	case "relapse":
		// relapse CrashLoop on 3 nodes: what the agents of the completed flight do; without words, they do not settle
		s.Relapse(args)
	case "well":
		s.Relapse(nil)
		s.Observation.Relapse.Well = true
	case "wait":
		d, err := time.ParseDuration(args[0])
		s.Check(err)
		s.Observation.Now = s.Observation.Now.Add(d)
	case "restart":
		s.Restart()
	case "set":
		s.sets[args[0]] = strings.Join(args[1:], " ")
	case "nodes":
		// nodes have changed, so that what was looked at before is looked at again
		s.Observation.Prepared = nil
	default:
		s.told(verb, args)
	}
}

// told carries out a line about what people and the clock say.
func (s *Stage) told(verb string, args []string) {
	switch verb {
	case "polled":
		s.Observation.Polled = true
	case "unseen":
		// the repository has not been seen since a restart
		s.Observation.History = nil
	case "respec":
		s.Observation.Generation++
	case "suspend", "resume":
		s.Observation.Suspended = verb == "suspend"
	case "stop", "start":
		// the stop switch of all Syncs
		s.Observation.StoppedForAll = verb == "stop"
	case "again":
		s.Observation.Again = true
	case "unverified":
		s.unverified[args[0]] = api.Public(fmt.Sprintf("commit %s %s", args[0], strings.Join(args[1:], " ")))
		s.look()
	case "verified":
		delete(s.unverified, args[0])
		s.look()
	case "lower":
		// the ref is at a lower version than what passed, whatever the history says
		s.lower = api.Public(strings.Join(args, " "))
		s.look()
	case "accept":
		// a person names a commit in verify.accept
		delete(s.unverified, args[0])
		s.accepted[args[0]] = true
		s.look()
	case "closed", "open":
		// closed 2h: no window is open, and that changes in two hours
		d, err := time.ParseDuration(args[0])
		s.Check(err)
		s.Observation.Window = gate.Opening{Changes: s.Observation.Now.Add(d)}
		if verb == "closed" {
			s.Observation.Window.Closed = "no window is open; the next opens Mon 22:00"
		}
	case "override":
		s.Observation.Override = &api.Override{Commit: args[0], Reason: "it burns", By: "ada",
			At: metav1.NewTime(s.Observation.Now)}
	case "release":
		s.Observation.Released = strings.Join(args, " ")
	default:
		s.T.Fatalf("no such line: %s", verb)
	}
}

func (s *Stage) configure(args []string) {
	for _, a := range args {
		switch a {
		case "Each", "Latest":
			s.Gate.Order = api.Order(a)
		case "Hold", "Release", "Rollback":
			s.Gate.OnStuck = api.OnStuck(a)
		case "RelapseReport", "RelapseHold", "RelapseRollback":
			s.Gate.OnRelapse = api.OnRelapse(strings.TrimPrefix(a, "Relapse"))
		case "PreflightOff", "PreflightWarn", "PreflightHold":
			s.Gate.Preflight = api.Preflight(strings.TrimPrefix(a, "Preflight"))
		case "RewriteHold":
			s.Gate.OnRewrite = api.OnRewriteHold
		case "VerifyHead", "VerifyEvery":
			s.Gate.Verify = api.VerifyMode(strings.TrimPrefix(a, "Verify"))
		}
	}
}

func (s *Stage) rollout(args []string) {
	f := s.State.InFlight
	r := &gate.Rollout{Commit: f.Commit, Digest: f.Digest, State: api.CommitState(args[0]),
		Nodes: api.NodeCounts{Desired: 12}}
	for _, a := range args[1:] {
		if a == "oldpods" {
			r.OldPods = true
			continue
		}
		r.Causes = append(r.Causes, api.Cause{Code: a})
		r.Message = api.ForAll(api.Public(a))
	}
	s.Observation.Rollout = r
}

// Relapse has the agents of a completed flight keep ending, or not settle if there are no words.
func (s *Stage) Relapse(args []string) {
	f := s.State.InFlight
	s.Observation.Relapse = &gate.Relapse{Commit: f.Commit, Digest: f.Digest,
		Message: api.ForAll(api.Public(strings.Join(args, " ")))}
	if len(args) > 0 {
		s.Observation.Relapse.Causes = []api.Cause{{Code: args[0]}}
	}
}
