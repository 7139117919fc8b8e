package cause

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// rejected is a node that refuses its pod: the pod fails as a whole (evicted, not admitted) and the controller makes
// another one. Once happens; the second time is a cause.
func rejected(s *survey.Survey, at *survey.Site) *survey.Finding {
	before := s.Before.Rejected[at.Name]
	count, uid := before.Count, before.UID
	if at.Failed != nil && string(at.Failed.UID) != uid {
		count, uid = count+1, string(at.Failed.UID)
	}
	reason, message := whyRejected(s, at)
	if count > 0 {
		s.RememberRejections(at.Name, rollout.Rejections{Count: count, UID: uid, Reason: reason})
	}
	said := s.Rejections[at.Name]
	count = max(count, said.Count)
	if count == 0 {
		return nil
	}
	why := "its pod failed"
	if reason != "" {
		why = strings.TrimSuffix(fmt.Sprintf("%s: %s", reason, words.Clip(message, 300)), ": ")
	}
	f := &survey.Finding{
		Code: rollout.Rejected, Key: reason, About: reason, Message: "the node refuses the pod: " + why,
		Remedy: rejectedRemedy(s, at, reason),
	}
	if said.Found() {
		f.Since = s.Since(rollout.Rejected, at.Name, true, fact.Latest(said.First, s.Remembered().Observed))
	} else {
		f.Since = s.Since(rollout.Rejected, at.Name, true)
	}
	if at.Failed != nil {
		f.Pod = at.Failed.Name
	}
	return s.RipenCounted(f, count)
}

// rejectedBefore is a node that refused its pod and is trying the next one.
func rejectedBefore(s *survey.Survey, at *survey.Site, _ *corev1.Pod) *survey.Finding {
	if !at.Ready.IsZero() {
		return nil
	}
	return rejected(s, at)
}

// LookForRejections sorts the DaemonSet's Events about pods that are over by the node that they name.
func LookForRejections(s *survey.Survey) {
	last := map[string]string{}
	for _, e := range s.EventsOf(s.Live.UID) {
		pod, node := podThatIsOver(e)
		if seen, _ := fact.LastSeen(e, s.Now()); node == "" || seen.Before(s.Remembered().Observed) {
			continue
		}
		if s.Rejections == nil {
			s.Rejections = map[string]fact.Trace{}
		}
		t := s.Rejections[node]
		t.Add(e, s.Now())
		if t.Message == e.Message {
			last[node] = pod
		}
		s.Rejections[node] = t
	}
	if len(last) > 0 {
		lookForRefused(s, last)
	}
}

// whyRejected is the reason that a node had against its last pod, and what was said of it: in the status of the pod or,
// when that is gone, in its Events, or as it was remembered.
func whyRejected(s *survey.Survey, at *survey.Site) (reason, message string) {
	p := at.Failed
	if p == nil {
		said := s.Refused[at.Name]
		return cmp.Or(said.Reason, s.Before.Rejected[at.Name].Reason), said.Message
	}
	if p.Status.Reason != "" {
		return p.Status.Reason, p.Status.Message
	}
	if c := fact.PodCondition(p, corev1.DisruptionTarget); c != nil && c.Status == corev1.ConditionTrue {
		return c.Reason, c.Message
	}
	return "", ""
}

// lookForRefused finds what the Events of a pod that is over have against it, by the node that turned it away.
func lookForRefused(s *survey.Survey, podByNode map[string]string) {
	byPod := map[string]survey.Said{}
	s.EachEvent(func(e *corev1.Event) {
		if _, known := rejections[e.Reason]; e.InvolvedObject.Kind == "Pod" && e.Type != corev1.EventTypeNormal &&
			(known || strings.HasPrefix(e.Reason, shortOf)) {
			byPod[e.InvolvedObject.Name] = survey.Said{Reason: e.Reason, Message: e.Message}
		}
	})
	s.Refused = map[string]survey.Said{}
	for node, pod := range podByNode {
		s.Refused[node] = byPod[pod]
	}
}

// shortOf begins the reason of a node that is short of something, "OutOfcpu".
const shortOf = "OutOf"

// rejectedRemedy is what to do about a node that turned a pod away, or out, by the reason for it (kubernetes
// pkg/kubelet/lifecycle, cm/admission, sysctl, eviction, preemption and nodeshutdown). What is not the node's lack is
// not to be looked for on the node.
func rejectedRemedy(s *survey.Survey, at *survey.Site, reason string) string {
	node := fmt.Sprintf("`kubectl describe node %s`", at.Name)
	if resource, short := strings.CutPrefix(reason, shortOf); short {
		return fmt.Sprintf("The node is short of %s: %s shows what is allocated. Ask for less in Git, or make room.",
			resource, node)
	}
	if remedy, known := rejections[reason]; known {
		return fmt.Sprintf(remedy, node)
	}
	return fmt.Sprintf("See what the kubelet has against the pod: %s (conditions, taints, allocated resources), and "+
		"`kubectl -n %s get events --field-selector reason=FailedDaemonPod`, whose pods have Events of their own.",
		node, s.Live.Namespace)
}

// rejections are what to do about a reason; %[1]s is the command that shows the node.
var rejections = map[string]string{
	"AppArmor": "The node's kernel has no AppArmor: leave appArmorProfile out in Git, or say Unconfined, or keep the " +
		"DaemonSet off such nodes with a nodeSelector: %[1]s.",
	"SysctlForbidden": "The kubelet does not allow the sysctl: leave it out of securityContext.sysctls in Git, or " +
		"allow it there (--allowed-unsafe-sysctls) on every node that the DaemonSet is meant for: %[1]s.",
	"NodeAffinity": "The node's labels do not fit nodeSelector and node affinity as the " +
		"kubelet reads them, or changed since the pod was bound: compare both with %[1]s.",
	"PodOSNotSupported": "The pod's os.name is not the node's operating system: correct it in " +
		"Git, or leave such nodes out: %[1]s.",
	"PodOSSelectorNodeLabelDoesNotMatch": "The pod asks for another kubernetes.io/os than the node has: correct " +
		"the nodeSelector in Git, or the node's label: %[1]s.",
	"SupplementalGroupsPolicyNotSupported": "The node's runtime does not know supplementalGroupsPolicy Strict: leave " +
		"it out in Git, or such nodes: %[1]s.",
	"PodLevelResourcesNotSupported": "The node does not know resources of a whole pod: give them to the containers " +
		"in Git, or leave such nodes out: %[1]s.",
	"PodFeatureUnsupported": "The node's kubelet does not know a feature that the pod uses: leave it out in Git, or " +
		"update such nodes: %[1]s.",
	"UnexpectedAdmissionError": "A device plugin or another manager of the kubelet did not give the pod what it asks " +
		"for: see whether that plugin's own pod on the node is well, and what the node offers: %[1]s.",
	"TopologyAffinityError": "The node cannot give cpus, memory and devices from where its topology policy wants " +
		"them: ask for less in Git, or for another policy: %[1]s.",
	"SMTAlignmentError": "The node gives whole cores only: ask for a multiple of its threads per core in Git: " +
		"%[1]s.",
	"Evicted": "The kubelet turned the pod out. Where the message says that a limit is exceeded, " +
		"raise that limit in Git (ephemeral-storage, or an emptyDir's sizeLimit), or have the agent write less; " +
		"where it says that the node was low, free that on it: %[1]s shows its pressure. A higher priorityClassName " +
		"is turned out later.",
	"Preempting": "A critical pod took the room: give the agent priorityClassName system-node-critical " +
		"in Git, or make room: %[1]s.",
	"PreemptionByScheduler": "A pod of higher priority took the room: raise priorityClassName in Git, or make room: " +
		"%[1]s.",
	"NodeShutdown": "The node was being shut down: see whether it is back: %[1]s.",
	"Terminated":   "The node was being shut down: see whether it is back: %[1]s.",
	"DeletionByTaintManager": "A NoExecute taint of the node is not tolerated: tolerate it in Git, or have it taken " +
		"off: %[1]s.",
	"DeletionByPodGC": "The node had gone, or the pod had been left on it: see whether it is back: %[1]s.",
}
