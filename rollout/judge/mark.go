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
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// raiseMark raises the high-water mark of settled nodes. It comes before anybody asks for the deadline, which counts
// from the mark's last rise: a rollout that moves is never stuck.
func raiseMark(s *survey.Survey) {
	mark, rose := s.Remembered().Mark, s.Remembered().Rose
	if settled := s.Counts[survey.Settled]; settled > mark {
		mark, rose = settled, s.Now()
	}
	if s.Offline() {
		rose = lastMove(s)
	}
	s.RememberMark(mark, rose)
}

// lastMove is what a dump has for the mark's last rise: when the newest updated pod was created or became Ready.
func lastMove(s *survey.Survey) time.Time {
	moved := s.Remembered().Observed
	for _, sum := range s.Sums {
		moved = fact.Latest(moved, sum.Moved)
	}
	return moved
}

// deadlinePassed reports whether no further node has settled for too long.
func deadlinePassed(s *survey.Survey) bool {
	if standsStill(s) || s.Look.Lacks(rollout.KindPods) {
		return false // a person does it, when they do it; and what is not seen is not missed
	}
	deadline := lastMoved(s).Add(s.Options.ProgressDeadline + fact.Allowance(s.Live))
	s.WakeAt(deadline)
	return s.Reached(deadline)
}

// noProgress is a deadline that passed with nothing to explain it: it says what is known.
func noProgress(s *survey.Survey, j *rollout.Judgement) *survey.Finding {
	known := []string{fmt.Sprintf("%d of %d nodes have settled", j.Settled, j.Desired)}
	say := func(what string, names []string) {
		if len(names) > 0 {
			known = append(known, fmt.Sprintf("%s %s", words.Listed(names), what))
		}
	}
	say("still on the old pod", j.Old)
	say("without a pod", survey.NamesWhere(s, func(at *survey.Site) bool { return at.Counts() && at.Missing() }))
	say("with a new pod that has not settled", survey.NamesWhere(s, isUnsettled))
	say("absent", j.Absent)
	if gates := unmetGates(s); gates != "" {
		known = append(known, gates)
	}
	if last := lastEvents(s); len(last) > 0 {
		known = append(known, "the last Events: "+strings.Join(last, " | "))
	}
	return &survey.Finding{
		Code: rollout.NoProgress, Final: true, Since: lastMoved(s),
		Message: fmt.Sprintf("no further node has settled for longer than %s: %s",
			s.Options.ProgressDeadline+fact.Allowance(s.Live), strings.Join(known, "; ")),
		Remedy: fmt.Sprintf("Look at a pod that has not settled, and at the DaemonSet's Events: `kubectl -n %[1]s "+
			"describe ds %[2]s`, `kubectl -n %[1]s get events --sort-by=.lastTimestamp`.", s.Live.Namespace,
			s.Live.Name),
	}
}

// unmetGates is what the pods say whose containers are ready and that are not.
func unmetGates(s *survey.Survey) string {
	for i := range s.Sites {
		if at := &s.Sites[i]; at.Counts() && at.Updated != nil && !at.Settled {
			if gate := cause.UnmetGate(at.Updated); gate != "" {
				return at.Name + ": " + gate
			}
		}
	}
	return ""
}

// maxLastEvents is how many Events are repeated where nothing else is known.
const maxLastEvents = 3

// lastEvents are the newest warnings about the DaemonSet and its unsettled pods, the newest first. What many pods say
// is repeated once.
func lastEvents(s *survey.Survey) []string {
	newest := map[string]time.Time{}
	see := func(events []*corev1.Event) {
		for _, e := range events {
			if e.Type == corev1.EventTypeWarning && e.Message != "" {
				last, _ := fact.LastSeen(e, s.Now())
				text := e.Reason + ": " + words.Clip(e.Message, 200)
				newest[text] = fact.Latest(newest[text], last)
			}
		}
	}
	see(s.EventsOf(s.Live.UID))
	for i := range s.Sites {
		if at := &s.Sites[i]; at.Updated != nil && !at.Settled {
			see(s.EventsOf(at.Updated.UID))
		}
	}
	texts := slices.SortedFunc(maps.Keys(newest), func(a, b string) int {
		return cmp.Or(newest[b].Compare(newest[a]), cmp.Compare(a, b))
	})
	return texts[:min(len(texts), maxLastEvents)]
}
