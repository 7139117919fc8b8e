package rollout

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// forbidden is a node without a pod because the API server refuses to have one made. Only the DaemonSet's own Events
// tell; one from before this template, or from before pods could be made again, tells nothing.
func (s *survey) forbidden(at *site) *finding {
	if !at.unmade() {
		return nil
	}
	said := s.refusal
	if !said.found() {
		return nil
	}
	return s.ripen(&finding{
		code: Forbidden, message: said.text, remedy: said.remedy,
		since: s.since(Forbidden, at.name, false, latest(said.first, s.memory.Observed)),
	})
}

// lookForRefusals finds the DaemonSet's FailedCreate Events, if they still hold.
func (s *survey) lookForRefusals() {
	said := s.traceOf(s.live.UID, withReason("FailedCreate"))
	if !said.found() || said.last.Before(s.memory.Observed.Truncate(time.Second)) {
		return
	}
	for i := range s.sites {
		if p := s.sites[i].updated; p != nil && p.CreationTimestamp.After(said.last) {
			return // pods can be made again
		}
	}
	s.refusal = s.wordRefusal(said)
}

// refusal is what the API server says against having pods made, and what to do about it.
type refusal struct {
	trace
	text, remedy string
}

// wordRefusal puts a refusal into words: a quota's with its figures, any other in the API server's own.
func (s *survey) wordRefusal(said trace) refusal {
	message := refusalText(said.message)
	r := refusal{trace: said, text: "its pod may not be created: " + message, remedy: s.forbiddenRemedy(message)}
	if text, remedy, over := s.overQuota(message); over {
		r.text, r.remedy = "its pod may not be created: "+text, remedy
	}
	return r
}

var generatedName = regexp.MustCompile(`^pods "[^"]*" is forbidden: `)

// refusalText is the API server's reason, without the pod's name, which is another one at every attempt.
func refusalText(message string) string {
	if _, why, found := strings.Cut(message, "Error creating: "); found {
		message = why
	}
	return clip(generatedName.ReplaceAllString(message, ""), 400)
}

// forbiddenUnseen is a refusal while the nodes are unknown, so that none of them can be seen to have no pod: the controller's
// own count tells that some have none.
func (s *survey) forbiddenUnseen() *finding {
	has, wants := s.live.Status.CurrentNumberScheduled, s.live.Status.DesiredNumberScheduled
	if !s.look.lacks(KindNodes) || !s.refusal.found() || has >= wants {
		return nil
	}
	return s.ripen(&finding{
		code: Forbidden, message: fmt.Sprintf("%s (%d of %d nodes have a pod)", s.refusal.text, has, wants), remedy: s.refusal.remedy,
		since: s.since(Forbidden, "", false, latest(s.refusal.first, s.memory.Observed)),
	})
}
