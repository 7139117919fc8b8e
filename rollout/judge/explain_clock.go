package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// clockSkew is a pod that has been Ready for long enough but that the controller does not call available yet, because its
// node's clock, which dates the Ready condition, goes ahead of the API server's. Only then is the node's clock asked for.
func clockSkew(s *survey, at *site, p *corev1.Pod) *finding {
	ready := fact.PodCondition(p, corev1.PodReady)
	if s.minReady == 0 || ready == nil || ready.Status != corev1.ConditionTrue || s.isAvailable(p) {
		return nil
	}
	seen := s.before.Since[string(rollout.ClockSkew)+"/"+at.name]
	if ready.LastTransitionTime.Sub(s.now) <= rollout.SkewTolerance && at.ahead <= rollout.SkewTolerance && seen.IsZero() {
		return nil
	}
	f := &finding{code: rollout.ClockSkew, since: s.since(rollout.ClockSkew, at.name, true)}
	early := ready.LastTransitionTime.Sub(f.since)
	due := f.since.Add(s.minReady + availableSlack)
	s.wakeAt(due)
	if s.now.Before(due) {
		return nil
	}
	f.since = due
	f.key, f.message, f.remedy = wordSkew(s, at, early, ready.LastTransitionTime.Add(s.minReady))
	return s.ripen(f)
}

// wordSkew says what the node's clock has to do with a pod that dates its readiness so far ahead, until it is available.
func wordSkew(s *survey, at *site, early time.Duration, until time.Time) (key, message, remedy string) {
	message = fmt.Sprintf("the pod has been Ready for longer than minReadySeconds (%s) but is not available: ", s.minReady)
	clock := clockOf(s, at.name)
	switch {
	case clock.Unknown == "" && clock.Ahead > rollout.SkewTolerance:
		message += fmt.Sprintf("its node's clock, by which that is counted, is %s the API server's", aheadWords(clock.Ahead))
	case clock.Unknown == "":
		return "set", message + fmt.Sprintf("its node's clock was ahead by about %s when the pod became Ready, and is right by now", about(early)),
			fmt.Sprintf("It passes by itself at %s, or at once if the pod is deleted: `kubectl -n %s delete pod %s`.", stamp(until), s.live.Namespace, at.updated.Name)
	default:
		message += fmt.Sprintf("its node's clock is ahead, by about %s when the pod became Ready", about(early))
		if clock.Unknown != notRead {
			message += fmt.Sprintf(" (what it says now is not known: %s)", clock.Unknown)
		}
	}
	return "", message, fmt.Sprintf("Set the node's clock right: `timedatectl` or `chronyc tracking` on %s. The pods of such a node become "+
		"available that much later, this one at %s.", at.name, stamp(until))
}

// notRead is why nothing is known of a clock that nobody has read yet.
const notRead = "not read"

// clockOf is how a node's clock goes, as this look knows it or as it was read lately; it asks for what nobody has read.
func clockOf(s *survey, name string) rollout.Clock {
	if i := slices.IndexFunc(s.look.Clocks, func(c rollout.Clock) bool { return c.Node == name }); i >= 0 {
		c := s.look.Clocks[i]
		s.rememberClock(name, rollout.ReadClock{At: s.now, Ahead: c.Ahead, Unknown: c.Unknown})
		return c
	}
	if at := s.siteOf(name); at != nil && at.clocked {
		return rollout.Clock{Node: name, Ahead: at.ahead}
	}
	known, was := s.before.Clocks[name]
	if was {
		s.rememberClock(name, known)
	}
	if (!was || s.now.Sub(known.At) >= rereadClocks) && len(s.readClocks) < rollout.MaxShortfalls {
		s.readClocks = append(s.readClocks, name)
	}
	if !was {
		return rollout.Clock{Node: name, Unknown: notRead}
	}
	return rollout.Clock{Node: name, Ahead: known.Ahead, Unknown: known.Unknown}
}

// noteClocks says which clocks are off without being the cause of anything: a node's that is behind has its pods seem
// Ready for longer than they are, which is allowed for; one that is ahead makes them settle later.
func noteClocks(s *survey, add func(format string, args ...any)) {
	var list []string
	for i := range s.sites {
		at := &s.sites[i]
		if f := at.finding; f != nil && f.code == rollout.ClockSkew {
			continue
		}
		switch {
		case at.clocked && off(at.ahead):
			list = append(list, at.name+" is "+strings.TrimSuffix(aheadWords(at.ahead), " of"))
		case !at.clocked && at.counts() && at.ready.Sub(s.now) > rollout.SkewTolerance:
			list = append(list, at.name+" is ahead, so that its pod settles later")
		}
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
