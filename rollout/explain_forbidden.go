package rollout

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// forbidden is a node without a pod because the API server refuses to have one made. Only the DaemonSet's own Events
// tell; one from before this template, or from before pods could be made again, tells nothing.
func (s *survey) forbidden(at *site) *finding {
	if !at.missing() {
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

// forbiddenRemedy is what to do about a refusal.
func (s *survey) forbiddenRemedy(message string) string {
	namespace, lower := s.live.Namespace, strings.ToLower(message)
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	switch {
	case says("exceeded quota", "quota"):
		return fmt.Sprintf("Raise the ResourceQuota of namespace %s, or ask for less: `kubectl -n %s describe quota`. An agent is "+
			"usually better off in a namespace without one.", namespace, namespace)
	case says("podsecurity", "pod security"):
		return fmt.Sprintf("Meet the pod security level in Git, or allow it for the namespace: "+
			"`kubectl label namespace %s pod-security.kubernetes.io/enforce=privileged --overwrite`.", namespace)
	case says("service account", "serviceaccount"):
		return fmt.Sprintf("Put the ServiceAccount into Git beside the DaemonSet, or correct serviceAccountName: `kubectl -n %s get serviceaccounts`.", namespace)
	case says("priorityclass", "priority class"):
		return "Put the PriorityClass into Git, or correct priorityClassName: `kubectl get priorityclasses`."
	case says("webhook"):
		return "An admission webhook refuses the pods, or does not answer: `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`."
	case says("limitrange", "maximum", "minimum"):
		return fmt.Sprintf("Stay within the namespace's LimitRange: `kubectl -n %s describe limitrange`.", namespace)
	}
	return fmt.Sprintf("Correct in Git what the API server refuses. Details: `kubectl -n %s describe ds %s`.", namespace, s.live.Name)
}
