package judge

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// unclaimed is a pod that the scheduler does not take up because a ResourceClaim of it is not there; nil if it has none such.
// The scheduler says nothing of such a pod. That a claim was not made from its template is certain: its name is missing in the
// pod's status. Whether a claim that the pod names itself is there nobody says, but a scheduler that runs waits for nothing else.
func unclaimed(s *survey, at *site, p *corev1.Pod) *finding {
	var unmade, named []string
	for _, claim := range p.Spec.ResourceClaims {
		switch {
		case claim.ResourceClaimName != nil:
			named = append(named, fmt.Sprintf("ResourceClaim %s (claim %s)", *claim.ResourceClaimName, claim.Name))
		case claim.ResourceClaimTemplateName != nil && !isClaimed(p, claim.Name):
			unmade = append(unmade, fmt.Sprintf("ResourceClaimTemplate %s (claim %s)", *claim.ResourceClaimTemplateName, claim.Name))
		}
	}
	f := &finding{code: rollout.NotScheduled, since: s.since(rollout.NotScheduled, at.name, false, p.CreationTimestamp.Time)}
	what := "kubectl -n " + s.live.Namespace + " get resourceclaims,resourceclaimtemplates"
	switch {
	case len(unmade) > 0:
		f.about = strings.Join(unmade, ", ")
		f.message = "the pod's ResourceClaim is not made from " + f.about
		if said := s.traceOf(p.UID, fact.WithReason("FailedResourceClaimCreation")); said.Found() {
			f.message += ": " + words.Clip(said.Message, 300)
		}
		f.remedy = fmt.Sprintf("Put %s into Git beside the DaemonSet, or correct resourceClaimTemplateName. What there "+
			"is: `%s`. If it is there, see whether kube-controller-manager is well, which makes the claim.", f.about, what)
	case len(named) > 0:
		f.about = strings.Join(named, ", ")
		f.message = fmt.Sprintf("scheduler %s does not take the pod up, which waits for %s: most likely it does not exist", schedulerOf(p), f.about)
		f.remedy = fmt.Sprintf("See whether it is there: `%s`. If not, put %s into Git beside the DaemonSet, or correct "+
			"resourceClaimName; one claim is shared by the pods of all nodes, resourceClaimTemplateName makes one for each. If it is there, see "+
			"whether a scheduler of the name %s runs.", what, f.about, schedulerOf(p))
	default:
		return nil
	}
	f.key = f.about
	return f
}

// isClaimed reports whether a claim of the pod was made from its template, or found not to be needed.
func isClaimed(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(p.Status.ResourceClaimStatuses, func(c corev1.PodResourceClaimStatus) bool { return c.Name == name })
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
func unmetClaim(s *survey, f *finding, p *corev1.Pod) bool {
	if said := missingClaim.FindStringSubmatch(f.key); said != nil {
		c := claimKinds[strings.ToLower(said[1])]
		f.about = c.kind + " " + said[2]
		f.message = fmt.Sprintf("the pod waits for %s, which does not exist", f.about)
		if said[3] != "not found" {
			f.message = fmt.Sprintf("the pod waits for %s, which is being deleted", f.about)
		}
		f.remedy = fmt.Sprintf("Put %s into Git beside the DaemonSet, or correct %s. What there is: `kubectl -n %s get %s`.",
			f.about, c.field, s.live.Namespace, c.list)
		if c.kind == "PersistentVolumeClaim" {
			f.remedy += " All pods of a DaemonSet share the claim: a volume of each node's own is an ephemeral volume or a hostPath."
		}
		return true
	}
	if said := unmadeClaim.FindStringSubmatch(f.key); said != nil {
		f.about = "PersistentVolumeClaim " + said[1]
		f.message = fmt.Sprintf("the pod waits for %s, which nobody has made for its ephemeral volume", f.about)
		f.remedy = fmt.Sprintf("The ephemeral-volume controller of kube-controller-manager makes it: see what it says, `kubectl -n %s describe pod %s`, "+
			"and whether it runs. A claim of that name that is another's must go.", s.live.Namespace, p.Name)
		return true
	}
	if !strings.Contains(f.key, "unbound immediate PersistentVolumeClaims") {
		return false
	}
	claims := claimsOf(s, p)
	f.about = strings.TrimSpace("PersistentVolumeClaim " + strings.Join(claims, ", "))
	f.message = fmt.Sprintf("the pod waits for its %s to be bound: %s", f.about, f.key)
	f.remedy = fmt.Sprintf("See why it is not bound: `kubectl -n %s describe pvc %s`. Either no PersistentVolume fits it: make one, or correct the claim. "+
		"Or nobody makes one for its StorageClass: `kubectl get storageclass`.", s.live.Namespace, strings.Join(claims, " "))
	return true
}

// unmadeClaim recognises the scheduler's word about an ephemeral volume whose claim is not there yet.
var unmadeClaim = regexp.MustCompile(`waiting for ephemeral volume controller to create the persistentvolumeclaim "([^"]+)"`)

// claimsOf are the PersistentVolumeClaims of a pod, by the template: those that it names, and those of its ephemeral volumes, which
// are called after pod and volume.
func claimsOf(s *survey, p *corev1.Pod) (names []string) {
	for i := range s.live.Spec.Template.Spec.Volumes {
		switch v := &s.live.Spec.Template.Spec.Volumes[i]; {
		case v.PersistentVolumeClaim != nil:
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			names = append(names, p.Name+"-"+v.Name)
		}
	}
	return names
}
