package judge

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// forbidden is a node without a pod because the API server refuses to have one made. Only the DaemonSet's own Events
// tell; one from before this template, or from before pods could be made again, tells nothing.
func forbidden(s *survey, at *site) *finding {
	if !at.unmade() {
		return nil
	}
	said := s.refusal
	if !said.Found() {
		return nil
	}
	return ripenRefusal(s, &finding{
		code: rollout.Forbidden, message: said.text, remedy: said.remedy,
		since: s.since(rollout.Forbidden, at.name, false, fact.Latest(said.First, s.remembered().Observed)),
	})
}

// ripenRefusal makes a refusal final in its time. One from before this commit, which may have put it right, is final at the
// deadline alone.
func ripenRefusal(s *survey, f *finding) *finding {
	if s.refusal.untried {
		return f
	}
	return s.ripen(f)
}

// lookForRefusals finds the DaemonSet's FailedCreate Events, if they still hold. They do as long as no pod was made since: the
// DaemonSet controller waits before it tries again, also over a commit that brings what was missing and leaves the DaemonSet
// itself alone.
func lookForRefusals(s *survey) {
	said := s.traceOf(s.live.UID, fact.WithReason("FailedCreate"))
	if !said.Found() || said.Last.Before(s.revision.Since) {
		return
	}
	untried := said.Last.Before(s.remembered().Observed.Truncate(time.Second))
	if untried && s.revision.Since.IsZero() {
		return // it may be about another template
	}
	for i := range s.sites {
		if p := s.sites[i].updated; p != nil && p.CreationTimestamp.After(said.Last) {
			return // pods can be made again
		}
	}
	s.refusal = wordRefusal(s, said)
	if s.refusal.untried = untried; untried {
		s.refusal.text = "nobody has tried to create its pod since this commit was applied; before that: " + s.refusal.text
	}
}

// refusal is what the API server says against having pods made, and what to do about it.
type refusal struct {
	fact.Trace
	text, remedy string
	untried      bool // it is from before this commit, which has the same template, and nothing was tried since
}

// wordRefusal puts a refusal into words: a quota's with its figures, any other in the API server's own.
func wordRefusal(s *survey, said fact.Trace) refusal {
	message := refusalText(said.Message)
	r := refusal{Trace: said, text: "its pod may not be created: " + message, remedy: forbiddenRemedy(s, message)}
	if text, remedy, over := overQuota(s, message); over {
		r.text, r.remedy = "its pod may not be created: "+text, remedy
	}
	r.remedy += " " + tryNow(s)
	return r
}

// tryNow is how to have the DaemonSet controller try at once what it failed to create. It tries again by itself, but each
// failure doubles its pause, from 5 ms to 1000 s, and whatever has it look in between and fail again does so too (client-go
// util/workqueue, DefaultTypedControllerRateLimiter). A change of the DaemonSet goes past that pause (kubernetes
// pkg/controller/daemon, updateDaemonset).
func tryNow(s *survey) string {
	return fmt.Sprintf("The DaemonSet controller tries again by itself, but may wait for up to 17 minutes unless the DaemonSet is changed: "+
		"`kubectl -n %s annotate daemonset %s --overwrite tried=$(date +%%s)` has it try at once.", s.live.Namespace, s.live.Name)
}

var generatedName = regexp.MustCompile(`^pods "[^"]*" is forbidden: `)

// refusalText is the API server's reason, without the pod's name, which is another one at every attempt.
func refusalText(message string) string {
	if _, why, found := strings.Cut(message, "Error creating: "); found {
		message = why
	}
	return words.Clip(generatedName.ReplaceAllString(message, ""), 400)
}

// forbiddenUnseen is a refusal while the nodes are unknown, so that none of them can be seen to have no pod: the controller's
// own count tells that some have none.
func forbiddenUnseen(s *survey) *finding {
	has, wants := s.live.Status.CurrentNumberScheduled, s.live.Status.DesiredNumberScheduled
	if !s.look.Lacks(rollout.KindNodes) || !s.refusal.Found() || has >= wants {
		return nil
	}
	return ripenRefusal(s, &finding{
		code: rollout.Forbidden, message: fmt.Sprintf("%s (%d of %d nodes have a pod)", s.refusal.text, has, wants), remedy: s.refusal.remedy,
		since: s.since(rollout.Forbidden, "", false, fact.Latest(s.refusal.First, s.remembered().Observed)),
	})
}
