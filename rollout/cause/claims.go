package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// unclaimed is a pod that the scheduler does not take up because a ResourceClaim of it is not there; nil if it has none
// such. The scheduler says nothing of such a pod. That a claim was not made from its template is certain: its name is
// missing in the pod's status. Whether a claim that the pod names itself is there nobody says, but a scheduler that
// runs waits for nothing else.
func unclaimed(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	var unmade, named []string
	for _, claim := range p.Spec.ResourceClaims {
		switch {
		case claim.ResourceClaimName != nil:
			named = append(named, fmt.Sprintf("ResourceClaim %s (claim %s)", *claim.ResourceClaimName, claim.Name))
		case claim.ResourceClaimTemplateName != nil && !isClaimed(p, claim.Name):
			unmade = append(unmade, fmt.Sprintf("ResourceClaimTemplate %s (claim %s)", *claim.ResourceClaimTemplateName,
				claim.Name))
		}
	}
	f := &survey.Finding{Code: rollout.NotScheduled, Since: s.Since(rollout.NotScheduled, at.Name, false,
		p.CreationTimestamp.Time)}
	what := "kubectl -n " + s.Live.Namespace + " get resourceclaims,resourceclaimtemplates"
	switch {
	case len(unmade) > 0:
		f.About = strings.Join(unmade, ", ")
		f.Message = "the pod's ResourceClaim is not made from " + f.About
		if said := s.TraceOf(p.UID, fact.WithReason("FailedResourceClaimCreation")); said.Found() {
			f.Message += ": " + words.Clip(said.Message, 300)
		}
		f.Remedy = fmt.Sprintf("Put %s into Git beside the DaemonSet, or correct resourceClaimTemplateName. What "+
			"there is: `%s`. If it is there, see whether kube-controller-manager is well, which makes the claim.", f.About,
			what)
	case len(named) > 0:
		f.About = strings.Join(named, ", ")
		f.Message = fmt.Sprintf("scheduler %s does not take the pod up, which waits for %s: most likely it does not "+
			"exist", schedulerOf(p), f.About)
		f.Remedy = fmt.Sprintf("See whether it is there: `%s`. If not, put %s into Git beside the DaemonSet, or "+
			"correct resourceClaimName; one claim is shared by the pods of all nodes, resourceClaimTemplateName "+
			"makes one for each. If it is there, see whether a scheduler of the name %s runs.", what, f.About,
			schedulerOf(p))
	default:
		return nil
	}
	f.Key = f.About
	return f
}

// isClaimed reports whether a claim of the pod was made from its template, or found not to be needed.
func isClaimed(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(p.Status.ResourceClaimStatuses,
		func(c corev1.PodResourceClaimStatus) bool { return c.Name == name })
}

func schedulerOf(p *corev1.Pod) string {
	if p.Spec.SchedulerName == "" {
		return corev1.DefaultSchedulerName
	}
	return p.Spec.SchedulerName
}

// missingClaim recognises the scheduler's word about an object that the pod needs and that is not there, of
// `persistentvolumeclaim "data" not found`.
var missingClaim = regexp.MustCompile(`(?i)(persistentvolumeclaim|resourceclaim|storageclass)[a-z0-9.]* "([^"]+)" (not found|is being deleted)`)

// claimKinds are the kinds that missingClaim recognises, with what kubectl and a pod's template call them.
var claimKinds = map[string]struct{ kind, list, field string }{
	"persistentvolumeclaim": {"PersistentVolumeClaim", "pvc", "claimName"},
	"resourceclaim":         {"ResourceClaim", "resourceclaims", "resourceClaimName"},
	"storageclass":          {"StorageClass", "storageclass", "storageClassName of the claim"},
}

// unmetClaim tells a pod that waits for a claim, which is not a lack of room. It reports whether that is so.
func unmetClaim(s *survey.Survey, f *survey.Finding, p *corev1.Pod) bool {
	if said := missingClaim.FindStringSubmatch(f.Key); said != nil {
		c := claimKinds[strings.ToLower(said[1])]
		f.About = c.kind + " " + said[2]
		f.Message = fmt.Sprintf("the pod waits for %s, which does not exist", f.About)
		if said[3] != "not found" {
			f.Message = fmt.Sprintf("the pod waits for %s, which is being deleted", f.About)
		}
		f.Remedy = fmt.Sprintf("Put %s into Git beside the DaemonSet, or correct %s. What there is: `kubectl -n %s "+
			"get %s`.",
			f.About, c.field, s.Live.Namespace, c.list)
		if c.kind == "PersistentVolumeClaim" {
			f.Remedy += " All pods of a DaemonSet share the claim: a volume of each node's own is an ephemeral " +
				"volume or a hostPath."
		}
		return true
	}
	if said := unmadeClaim.FindStringSubmatch(f.Key); said != nil {
		f.About = "PersistentVolumeClaim " + said[1]
		f.Message = fmt.Sprintf("the pod waits for %s, which nobody has made for its ephemeral volume", f.About)
		f.Remedy = fmt.Sprintf("The ephemeral-volume controller of kube-controller-manager makes it: see what it "+
			"says, `kubectl -n %s describe pod %s`, and whether it runs. A claim of that name that is another's must "+
			"go.", s.Live.Namespace, p.Name)
		return true
	}
	if !strings.Contains(f.Key, "unbound immediate PersistentVolumeClaims") {
		return false
	}
	claims := claimsOf(s, p)
	f.About = strings.TrimSpace("PersistentVolumeClaim " + strings.Join(claims, ", "))
	f.Message = fmt.Sprintf("the pod waits for its %s to be bound: %s", f.About, f.Key)
	f.Remedy = fmt.Sprintf("See why it is not bound: `kubectl -n %s describe pvc %s`. Either no PersistentVolume "+
		"fits it: make one, or correct the claim. Or nobody makes one for its StorageClass: `kubectl get storageclass`.",
		s.Live.Namespace, strings.Join(claims, " "))
	return true
}

// unmadeClaim recognises the scheduler's word about an ephemeral volume whose claim is not there yet.
var unmadeClaim = regexp.MustCompile(`waiting for ephemeral volume controller to create the persistentvolumeclaim "([^"]+)"`)

// claimsOf are the PersistentVolumeClaims of a pod, by the template: those that it names, and those of its ephemeral
// volumes, which are called after pod and volume.
func claimsOf(s *survey.Survey, p *corev1.Pod) (names []string) {
	for i := range s.Live.Spec.Template.Spec.Volumes {
		switch v := &s.Live.Spec.Template.Spec.Volumes[i]; {
		case v.PersistentVolumeClaim != nil:
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			names = append(names, p.Name+"-"+v.Name)
		}
	}
	return names
}
