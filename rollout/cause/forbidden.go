package cause

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// forbidden is a node without a pod because the API server refuses to have one made. Only the DaemonSet's own Events
// tell; one from before this template, or from before pods could be made again, tells nothing.
func forbidden(s *survey.Survey, at *survey.Site) *survey.Finding {
	if !at.Unmade() {
		return nil
	}
	said := s.Refusal()
	if !said.Found() {
		return nil
	}
	return ripenRefusal(s, &survey.Finding{
		Code: rollout.Forbidden, Message: said.Text, Remedy: said.Remedy,
		Since: s.Since(rollout.Forbidden, at.Name, false, fact.Latest(said.First, s.Remembered().Observed)),
	})
}

// ripenRefusal makes a refusal final in its time. One from before this commit, which may have put it right, is final at
// the deadline alone.
func ripenRefusal(s *survey.Survey, f *survey.Finding) *survey.Finding {
	if s.Refusal().Untried {
		return f
	}
	return s.Ripen(f)
}

// LookForRefusals finds the DaemonSet's FailedCreate Events, if they still hold. They do as long as no pod was made
// since: the DaemonSet controller waits before it tries again, also over a commit that brings what was missing and
// leaves the DaemonSet itself alone.
func LookForRefusals(s *survey.Survey) {
	said := s.TraceOf(s.Live.UID, fact.WithReason("FailedCreate"))
	if !said.Found() || said.Last.Before(s.Revision.Since) {
		return
	}
	untried := said.Last.Before(s.Remembered().Observed.Truncate(time.Second))
	if untried && s.Revision.Since.IsZero() {
		return // it may be about another template
	}
	for i := range s.Sites {
		if p := s.Sites[i].Updated; p != nil && p.CreationTimestamp.After(said.Last) {
			return // pods can be made again
		}
	}
	refusal := wordRefusal(s, said)
	if refusal.Untried = untried; untried {
		refusal.Text = "nobody has tried to create its pod since this commit was applied; before that: " + refusal.Text
	}
	s.SetRefusal(refusal)
}

// wordRefusal puts a refusal into words: a quota's with its figures, any other in the API server's own.
func wordRefusal(s *survey.Survey, said fact.Trace) survey.Refusal {
	message := refusalText(said.Message)
	r := survey.Refusal{Trace: said, Text: "its pod may not be created: " + message,
		Remedy: forbiddenRemedy(s, message)}
	if text, remedy, over := overQuota(s, message); over {
		r.Text, r.Remedy = "its pod may not be created: "+text, remedy
	}
	r.Remedy += " " + tryNow(s)
	return r
}

// tryNow is how to have the DaemonSet controller try at once what it failed to create. It tries again by itself, but
// each failure doubles its pause, from 5 ms to 1000 s, and whatever has it look in between and fail again does so too
// (client-go util/workqueue, DefaultTypedControllerRateLimiter). A change of the DaemonSet goes past that pause
// (kubernetes pkg/controller/daemon, updateDaemonset).
func tryNow(s *survey.Survey) string {
	return fmt.Sprintf("The DaemonSet controller tries again by itself, but may wait for up to 17 minutes unless the "+
		"DaemonSet is changed: `kubectl -n %s annotate daemonset %s --overwrite tried=$(date +%%s)` has it try at once.",
		s.Live.Namespace, s.Live.Name)
}

var generatedName = regexp.MustCompile(`^pods "[^"]*" is forbidden: `)

// refusalText is the API server's reason, without the pod's name, which is another one at every attempt.
func refusalText(message string) string {
	if _, why, found := strings.Cut(message, "Error creating: "); found {
		message = why
	}
	return words.Clip(generatedName.ReplaceAllString(message, ""), 400)
}

// ForbiddenUnseen is a refusal while the nodes are unknown, so that none of them can be seen to have no pod: the
// controller's own count tells that some have none.
func ForbiddenUnseen(s *survey.Survey) *survey.Finding {
	has, wants := s.Live.Status.CurrentNumberScheduled, s.Live.Status.DesiredNumberScheduled
	if !s.Look.Lacks(rollout.KindNodes) || !s.Refusal().Found() || has >= wants {
		return nil
	}
	return ripenRefusal(s, &survey.Finding{
		Code: rollout.Forbidden, Message: fmt.Sprintf("%s (%d of %d nodes have a pod)", s.Refusal().Text, has, wants),
		Remedy: s.Refusal().Remedy,
		Since:  s.Since(rollout.Forbidden, "", false, fact.Latest(s.Refusal().First, s.Remembered().Observed)),
	})
}

// refusals are the ways in which the API server refuses to have a pod made, each as the one that refuses words it
// (kubernetes plugin/pkg/admission and apiserver/pkg/admission): what a webhook or a policy says may contain any other
// word. The first that matches is asked for the remedy, with what its groups have found.
var refusals = []struct {
	says   *regexp.Regexp
	remedy func(s *survey.Survey, found []string) string
}{
	{regexp.MustCompile(`^admission webhook "([^"]+)" denied the request`),
		func(_ *survey.Survey, found []string) string {
			return fmt.Sprintf("Meet in Git what admission webhook %s asks for, or have it leave the namespace out. "+
				"Whose it is: `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide | "+
				"grep %[1]s`.", found[1])
		}},
	{regexp.MustCompile(`failed calling webhook "([^"]+)"`), func(_ *survey.Survey, found []string) string {
		return fmt.Sprintf("Admission webhook %s does not answer: see whether the pods of its service run. A webhook "+
			"that a node needs to come up must leave the agent's namespace out, or have failurePolicy Ignore. Whose "+
			"it is: `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml | grep -B9 "+
			"-A9 %[1]s`.", found[1])
	}},
	{regexp.MustCompile(`(?:Validating|Mutating)AdmissionPolicy '([^']+)'(?: with binding '([^']+)')?`),
		func(_ *survey.Survey, found []string) string {
			return fmt.Sprintf("Meet in Git what the policy asks for, or have its binding leave the namespace out: "+
				"`kubectl describe validatingadmissionpolicy %s`, `kubectl describe validatingadmissionpolicybinding "+
				"%s`.", found[1], found[2])
		}},
	{regexp.MustCompile(`^violates PodSecurity "`), func(s *survey.Survey, _ []string) string {
		return fmt.Sprintf("Meet the pod security level in Git, or allow it for the namespace: "+
			"`kubectl label namespace %s pod-security.kubernetes.io/enforce=privileged --overwrite`.", s.Live.Namespace)
	}},
	{regexp.MustCompile(`^(?:exceeded quota|failed quota|insufficient quota|status unknown for quota)`),
		func(s *survey.Survey, _ []string) string {
			return fmt.Sprintf("Raise the ResourceQuota of namespace %s, or ask for less: `kubectl -n %[1]s describe "+
				"quota`. An agent is usually better off in a namespace without one.", s.Live.Namespace)
		}},
	{regexp.MustCompile(`^error looking up service account \S+/([^\s:]+)`),
		func(s *survey.Survey, found []string) string {
			return fmt.Sprintf("Put ServiceAccount %s into Git beside the DaemonSet, or correct serviceAccountName: "+
				"`kubectl -n %s get serviceaccounts`.",
				found[1], s.Live.Namespace)
		}},
	{regexp.MustCompile(`^no PriorityClass with name (\S+) was found`), func(_ *survey.Survey, found []string) string {
		return fmt.Sprintf("Put PriorityClass %s into Git, or correct priorityClassName: `kubectl get priorityclasses`.",
			found[1])
	}},
	{regexp.MustCompile(`RuntimeClass "([^"]+)" not found`), func(_ *survey.Survey, found []string) string {
		return fmt.Sprintf("Put RuntimeClass %s into Git, or correct runtimeClassName: `kubectl get runtimeclasses`. "+
			"Its handler must be known to the container runtime of every node as well.", found[1])
	}},
	{regexp.MustCompile(`Pod's Overhead doesn't match|Pod Overhead set without`),
		func(s *survey.Survey, _ []string) string {
			return fmt.Sprintf("Leave spec.overhead out in Git: it comes from RuntimeClass %s, `kubectl get "+
				"runtimeclass %[1]s -o yaml`.", runtimeClass(s))
		}},
	{regexp.MustCompile(`(?:minimum|maximum) \S+ usage per|max limit to request ratio per`),
		func(s *survey.Survey, _ []string) string {
			return fmt.Sprintf("Stay within the namespace's LimitRange: `kubectl -n %s describe limitrange`.",
				s.Live.Namespace)
		}},
	{regexp.MustCompile(`in namespace \S+ because it is being terminated`), func(s *survey.Survey, _ []string) string {
		return fmt.Sprintf("Namespace %s is being deleted: find out who deleted it, and what holds it up, `kubectl "+
			"get namespace %[1]s -o yaml`.",
			s.Live.Namespace)
	}},
	{regexp.MustCompile(`^Pod "[^"]*" is invalid: (\S+):`), func(_ *survey.Survey, found []string) string {
		return fmt.Sprintf("Correct %s of the template in Git.", found[1])
	}},
}

// forbiddenRemedy is what to do about a refusal.
func forbiddenRemedy(s *survey.Survey, message string) string {
	for _, r := range refusals {
		if found := r.says.FindStringSubmatch(message); found != nil {
			return r.remedy(s, found)
		}
	}
	return fmt.Sprintf("Correct in Git what the API server refuses. Details: `kubectl -n %s describe ds %s`.",
		s.Live.Namespace, s.Live.Name)
}

// runtimeClass is the one that the template asks for.
func runtimeClass(s *survey.Survey) string {
	if name := s.Live.Spec.Template.Spec.RuntimeClassName; name != nil {
		return *name
	}
	return ""
}
