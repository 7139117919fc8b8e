package cause

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// lookForGonePods counts, in a dump, the pods that were over by themselves and are gone: the controller's Events name
// them, and their own Events tell whether their containers had started.
func lookForGonePods(s *survey.Survey) {
	name, may := mayEnd(s)
	if !s.Offline() || !may {
		return
	}
	var started, turnedOut map[string]bool
	for _, e := range s.EventsOf(s.Live.UID) {
		pod, node := podThatIsOver(e)
		if last, _ := fact.LastSeen(e, s.Now()); node == "" || last.Before(s.Remembered().Observed) {
			continue
		}
		if started == nil {
			started, turnedOut = startedPods(s)
		}
		if started[pod] && !turnedOut[pod] {
			s.Endings[node] = rollout.Ending{Count: s.Endings[node].Count + 1, Container: name, Code: -1}
		}
	}
}

// mayEnd reports whether the template has containers that may end for good, and which, if it is one.
func mayEnd(s *survey.Survey) (name string, may bool) {
	spec := &s.Live.Spec.Template.Spec
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			switch {
			case !fact.MayEndForGood(&list[i]):
			case may:
				return "", true
			default:
				name, may = list[i].Name, true
			}
		}
	}
	return name, may
}

// podThatIsOver reads the controller's Event about a pod that is over: "Found failed daemon pod default/agent-x on node
// real-2, will try to kill it".
func podThatIsOver(e *corev1.Event) (pod, node string) {
	if e.Reason != "FailedDaemonPod" && e.Reason != "SucceededDaemonPod" {
		return "", ""
	}
	before, after, _ := strings.Cut(e.Message, " on node ")
	node, _, _ = strings.Cut(after, ", will try")
	_, pod, _ = strings.Cut(before, "/")
	return pod, node
}

// startedPods are the pods, by name, whose containers have started, and those that the kubelet or a scheduler turned
// out.
func startedPods(s *survey.Survey) (started, turnedOut map[string]bool) {
	started, turnedOut = map[string]bool{}, map[string]bool{}
	s.EachEvent(func(e *corev1.Event) {
		if e.InvolvedObject.Kind != "Pod" {
			return
		}
		switch e.Reason {
		case "Started":
			started[e.InvolvedObject.Name] = true
		case "Evicted", "Preempting", "Preempted", "TaintManagerEviction", "NodeShutdown", "NodeNotReady":
			turnedOut[e.InvolvedObject.Name] = true
		}
	})
	return started, turnedOut
}
