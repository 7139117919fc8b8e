package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// clockSkew is a pod that has been Ready for long enough but that the controller does not call available yet, because
// its node's clock, which dates the Ready condition, goes ahead of the API server's. Only then is the node's clock
// asked for.
func clockSkew(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	ready := fact.PodCondition(p, corev1.PodReady)
	if s.MinReady == 0 || ready == nil || ready.Status != corev1.ConditionTrue || s.HasAvailable(at) {
		return nil
	}
	seen := s.Before.Since[string(rollout.ClockSkew)+"/"+at.Name]
	if s.Reached(ready.LastTransitionTime.Add(-rollout.SkewTolerance)) && at.Ahead <= rollout.SkewTolerance &&
		seen.IsZero() {
		return nil
	}
	f := &survey.Finding{Code: rollout.ClockSkew, Since: s.Since(rollout.ClockSkew, at.Name, true)}
	early := ready.LastTransitionTime.Sub(f.Since)
	due := f.Since.Add(s.MinReady + survey.AvailableSlack)
	s.WakeAt(due)
	if !s.Reached(due) {
		return nil
	}
	f.Since = due
	f.Key, f.Message, f.Remedy = wordSkew(s, at, early, ready.LastTransitionTime.Add(s.MinReady))
	return s.Ripen(f)
}

// wordSkew says what the node's clock has to do with a pod that dates its readiness so far ahead, until it is
// available.
func wordSkew(s *survey.Survey, at *survey.Site, early time.Duration, until time.Time) (key, message, remedy string) {
	message = fmt.Sprintf("the pod has been Ready for longer than minReadySeconds (%s) but is not available: ",
		s.MinReady)
	clock := clockOf(s, at.Name)
	switch {
	case clock.Unknown == "" && clock.Ahead > rollout.SkewTolerance:
		message += fmt.Sprintf("its node's clock, by which that is counted, is %s the API server's",
			aheadWords(clock.Ahead))
	case clock.Unknown == "":
		return "set", message + fmt.Sprintf("its node's clock was ahead by about %s when the pod became Ready, and "+
				"is right by now", about(early)),
			fmt.Sprintf("It passes by itself at %s, or at once if the pod is deleted: `kubectl -n %s delete pod %s`.",
				Stamp(until), s.Live.Namespace, at.Updated.Name)
	default:
		message += fmt.Sprintf("its node's clock is ahead, by about %s when the pod became Ready", about(early))
		if clock.Unknown != notRead {
			message += fmt.Sprintf(" (what it says now is not known: %s)", clock.Unknown)
		}
	}
	return "", message, fmt.Sprintf("Set the node's clock right: `timedatectl` or `chronyc tracking` on %s. The pods "+
		"of such a node become available that much later, this one at %s.", at.Name, Stamp(until))
}

// notRead is why nothing is known of a clock that nobody has read yet.
const notRead = "not read"

// clockOf is how a node's clock goes, as this look knows it or as it was read lately; it asks for what nobody has read.
func clockOf(s *survey.Survey, name string) rollout.Clock {
	if i := slices.IndexFunc(s.Look.Clocks, func(c rollout.Clock) bool { return c.Node == name }); i >= 0 {
		c := s.Look.Clocks[i]
		s.RememberClock(name, rollout.ReadClock{At: s.Now(), Ahead: c.Ahead, Unknown: c.Unknown})
		return c
	}
	if at := s.SiteOf(name); at != nil && at.Clocked {
		return rollout.Clock{Node: name, Ahead: at.Ahead}
	}
	known, was := s.Before.Clocks[name]
	if was {
		s.RememberClock(name, known)
	}
	if !was || s.Reached(known.At.Add(survey.RereadClocks)) {
		s.AskForClock(name)
	}
	if !was {
		return rollout.Clock{Node: name, Unknown: notRead}
	}
	return rollout.Clock{Node: name, Ahead: known.Ahead, Unknown: known.Unknown}
}

// SumUpClock says of a site's clock if it is off without being the cause of anything: of a node whose clock is behind
// the pods seem Ready for longer than they are, which is allowed for; where it is ahead they settle later.
func SumUpClock(s *survey.Survey, sum *survey.Sum, at *survey.Site) {
	if f := at.Finding; f != nil && f.Code == rollout.ClockSkew {
		return
	}
	switch {
	case at.Clocked && off(at.Ahead):
		sum.Clocks = append(sum.Clocks, at.Name+" is "+strings.TrimSuffix(aheadWords(at.Ahead), " of"))
	case !at.Clocked && at.Counts() && !s.Reached(at.Ready.Add(-rollout.SkewTolerance)):
		sum.Clocks = append(sum.Clocks, at.Name+" is ahead, so that its pod settles later")
	}
}

// NoteClocks says which clocks are off without being the cause of anything.
func NoteClocks(s *survey.Survey, add func(format string, args ...any)) {
	var list []string
	for _, sum := range s.Sums {
		list = append(list, sum.Clocks...)
	}
	if len(list) > 0 {
		add("clocks of nodes that are off the API server's: %s", words.Listed(list))
	}
}

func aheadWords(ahead time.Duration) string {
	if ahead < 0 {
		return about(-ahead) + " behind"
	}
	return about(ahead) + " ahead of"
}

// off reports whether a clock is off by more than two clocks may be.
func off(ahead time.Duration) bool {
	return ahead > rollout.SkewTolerance || ahead < -rollout.SkewTolerance
}

// about is a duration in whole seconds: two clocks cannot be compared more closely.
func about(d time.Duration) string { return d.Round(time.Second).String() }
