package judge

import (
	"fmt"
	"regexp"
)

// refusals are the ways in which the API server refuses to have a pod made, each as the one that refuses words it (kubernetes
// plugin/pkg/admission and apiserver/pkg/admission): what a webhook or a policy says may contain any other word. The first
// that matches is asked for the remedy, with what its groups have found.
var refusals = []struct {
	says   *regexp.Regexp
	remedy func(s *survey, found []string) string
}{
	{regexp.MustCompile(`^admission webhook "([^"]+)" denied the request`), func(_ *survey, found []string) string {
		return fmt.Sprintf("Meet in Git what admission webhook %s asks for, or have it leave the namespace out. Whose it is: "+
			"`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide | grep %[1]s`.", found[1])
	}},
	{regexp.MustCompile(`failed calling webhook "([^"]+)"`), func(_ *survey, found []string) string {
		return fmt.Sprintf("Admission webhook %s does not answer: see whether the pods of its service run. A webhook that a node needs to come "+
			"up must leave the agent's namespace out, or have failurePolicy Ignore. Whose it is: "+
			"`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml | grep -B9 -A9 %[1]s`.", found[1])
	}},
	{regexp.MustCompile(`(?:Validating|Mutating)AdmissionPolicy '([^']+)'(?: with binding '([^']+)')?`), func(_ *survey, found []string) string {
		return fmt.Sprintf("Meet in Git what the policy asks for, or have its binding leave the namespace out: `kubectl describe "+
			"validatingadmissionpolicy %s`, `kubectl describe validatingadmissionpolicybinding %s`.", found[1], found[2])
	}},
	{regexp.MustCompile(`^violates PodSecurity "`), func(s *survey, _ []string) string {
		return fmt.Sprintf("Meet the pod security level in Git, or allow it for the namespace: "+
			"`kubectl label namespace %s pod-security.kubernetes.io/enforce=privileged --overwrite`.", s.live.Namespace)
	}},
	{regexp.MustCompile(`^(?:exceeded quota|failed quota|insufficient quota|status unknown for quota)`), func(s *survey, _ []string) string {
		return fmt.Sprintf("Raise the ResourceQuota of namespace %s, or ask for less: `kubectl -n %[1]s describe quota`. An agent is "+
			"usually better off in a namespace without one.", s.live.Namespace)
	}},
	{regexp.MustCompile(`^error looking up service account \S+/([^\s:]+)`), func(s *survey, found []string) string {
		return fmt.Sprintf("Put ServiceAccount %s into Git beside the DaemonSet, or correct serviceAccountName: `kubectl -n %s get serviceaccounts`.",
			found[1], s.live.Namespace)
	}},
	{regexp.MustCompile(`^no PriorityClass with name (\S+) was found`), func(_ *survey, found []string) string {
		return fmt.Sprintf("Put PriorityClass %s into Git, or correct priorityClassName: `kubectl get priorityclasses`.", found[1])
	}},
	{regexp.MustCompile(`RuntimeClass "([^"]+)" not found`), func(_ *survey, found []string) string {
		return fmt.Sprintf("Put RuntimeClass %s into Git, or correct runtimeClassName: `kubectl get runtimeclasses`. Its handler must be "+
			"known to the container runtime of every node as well.", found[1])
	}},
	{regexp.MustCompile(`Pod's Overhead doesn't match|Pod Overhead set without`), func(s *survey, _ []string) string {
		return fmt.Sprintf("Leave spec.overhead out in Git: it comes from RuntimeClass %s, `kubectl get runtimeclass %[1]s -o yaml`.", runtimeClass(s))
	}},
	{regexp.MustCompile(`(?:minimum|maximum) \S+ usage per|max limit to request ratio per`), func(s *survey, _ []string) string {
		return fmt.Sprintf("Stay within the namespace's LimitRange: `kubectl -n %s describe limitrange`.", s.live.Namespace)
	}},
	{regexp.MustCompile(`in namespace \S+ because it is being terminated`), func(s *survey, _ []string) string {
		return fmt.Sprintf("Namespace %s is being deleted: find out who deleted it, and what holds it up, `kubectl get namespace %[1]s -o yaml`.",
			s.live.Namespace)
	}},
	{regexp.MustCompile(`^Pod "[^"]*" is invalid: (\S+):`), func(_ *survey, found []string) string {
		return fmt.Sprintf("Correct %s of the template in Git.", found[1])
	}},
}

// forbiddenRemedy is what to do about a refusal.
func forbiddenRemedy(s *survey, message string) string {
	for _, r := range refusals {
		if found := r.says.FindStringSubmatch(message); found != nil {
			return r.remedy(s, found)
		}
	}
	return fmt.Sprintf("Correct in Git what the API server refuses. Details: `kubectl -n %s describe ds %s`.", s.live.Namespace, s.live.Name)
}

// runtimeClass is the one that the template asks for.
func runtimeClass(s *survey) string {
	if name := s.live.Spec.Template.Spec.RuntimeClassName; name != nil {
		return *name
	}
	return ""
}
