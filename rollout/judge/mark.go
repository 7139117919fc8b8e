package judge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// raiseMark raises the high-water mark of settled nodes. It comes before anybody asks for the deadline, which counts from
// the mark's last rise: a rollout that moves is never stuck.
func raiseMark(s *survey) {
	settled := 0
	for i := range s.sites {
		if s.sites[i].counts() && s.sites[i].settled {
			settled++
		}
	}
	mark, rose := s.remembered().Mark, s.remembered().Rose
	if settled > mark {
		mark, rose = settled, s.now
	}
	if s.offline() {
		rose = lastMove(s)
	}
	s.rememberMark(mark, rose)
}

// lastMove is what a dump has for the mark's last rise: when the newest updated pod was created or became Ready.
func lastMove(s *survey) time.Time {
	moved := s.remembered().Observed
	for i := range s.sites {
		if at := &s.sites[i]; at.updated != nil && at.counts() {
			moved = fact.Latest(moved, fact.Latest(at.updated.CreationTimestamp.Time, at.ready))
		}
	}
	return moved
}

// deadlinePassed reports whether no further node has settled for too long.
func deadlinePassed(s *survey) bool {
	if s.target.OnDelete || s.look.Lacks(rollout.KindPods) {
		return false // a person does it, when they do it; and what is not seen is not missed
	}
	deadline := s.remembered().Rose.Add(s.options.ProgressDeadline + fact.Allowance(s.live))
	s.wakeAt(deadline)
	return !s.now.Before(deadline)
}

// noProgress is a deadline that passed with nothing to explain it: it says what is known.
func noProgress(s *survey, j *rollout.Judgement) finding {
	known := []string{fmt.Sprintf("%d of %d nodes have settled", j.Settled, j.Desired)}
	say := func(what string, names []string) {
		if len(names) > 0 {
			known = append(known, fmt.Sprintf("%s %s", words.Listed(names), what))
		}
	}
	say("still on the old pod", j.Old)
	say("without a pod", namesWhere(s, func(at *site) bool { return at.counts() && at.missing() }))
	say("with a new pod that has not settled", namesWhere(s, func(at *site) bool { return at.counts() && at.updated != nil && !at.settled }))
	say("absent", j.Absent)
	if gates := unmetGates(s); gates != "" {
		known = append(known, gates)
	}
	if last := lastEvents(s); len(last) > 0 {
		known = append(known, "the last Events: "+strings.Join(last, " | "))
	}
	return finding{
		code: rollout.NoProgress, final: true, since: s.remembered().Rose,
		message: fmt.Sprintf("no further node has settled for longer than %s: %s",
			s.options.ProgressDeadline+fact.Allowance(s.live), strings.Join(known, "; ")),
		remedy: fmt.Sprintf("Look at a pod that has not settled, and at the DaemonSet's Events: `kubectl -n %[1]s describe ds %[2]s`, "+
			"`kubectl -n %[1]s get events --sort-by=.lastTimestamp`.", s.live.Namespace, s.live.Name),
	}
}

// unmetGates is what the pods say whose containers are ready and that are not.
func unmetGates(s *survey) string {
	for i := range s.sites {
		if at := &s.sites[i]; at.counts() && at.updated != nil && !at.settled {
			if gate := unmetGate(at.updated); gate != "" {
				return at.name + ": " + gate
			}
		}
	}
	return ""
}

// maxLastEvents is how many Events are repeated where nothing else is known.
const maxLastEvents = 3

// lastEvents are the newest warnings about the DaemonSet and its unsettled pods, the newest first. What many pods say is
// repeated once.
func lastEvents(s *survey) []string {
	newest := map[string]time.Time{}
	see := func(events []*corev1.Event) {
		for _, e := range events {
			if e.Type == corev1.EventTypeWarning && e.Message != "" {
				last, _ := fact.LastSeen(e, s.now)
				text := e.Reason + ": " + words.Clip(e.Message, 200)
				newest[text] = fact.Latest(newest[text], last)
			}
		}
	}
	see(s.events[s.live.UID])
	for i := range s.sites {
		if at := &s.sites[i]; at.updated != nil && !at.settled {
			see(s.events[at.updated.UID])
		}
	}
	texts := slices.SortedFunc(maps.Keys(newest), func(a, b string) int {
		return cmp.Or(newest[b].Compare(newest[a]), cmp.Compare(a, b))
	})
	return texts[:min(len(texts), maxLastEvents)]
}
