package cause

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// unprepared is a pod on its node whose containers cannot even be created: its volumes or its sandbox are missing. Only
// Events tell; the later one of the two is what the kubelet is at, and neither is if it has come to the images since.
func unprepared(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	if !isCreating(p) {
		return nil
	}
	mount := s.TraceOf(p.UID, fact.WithReason(cannotMount...))
	unmade := s.TraceOf(p.UID, fact.WithReason("FailedCreatePodSandBox"))
	beyond := s.TraceOf(p.UID, fact.WithReason("Pulling", "Pulled", "Created", "Started"))
	switch {
	case unmade.Found() && !unmade.Last.Before(mount.Last) && !beyond.Last.After(unmade.Last):
		return sandbox(s, at, p, unmade)
	case mount.Found() && !beyond.Last.After(mount.Last):
		return volumeMount(s, at, p, mount)
	}
	return nil
}

// isCreating reports whether none of the pod's containers has come into being yet.
func isCreating(p *corev1.Pod) bool {
	if p.Spec.NodeName == "" || p.Status.Phase != corev1.PodPending {
		return false
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			w := list[i].State.Waiting
			if w == nil || (w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" && w.Reason != "") {
				return false
			}
		}
	}
	return true
}

// cannotMount are the Events of a volume that is not there.
var cannotMount = []string{"FailedMount", "FailedAttachVolume", "FailedMapVolume"}

// volumeMount is a pod that waits for a volume. From time to time the kubelet sums up which are missing: that says
// where, but not why, so what it said of the one volume is better where there is any.
func volumeMount(s *survey.Survey, at *survey.Site, p *corev1.Pod, said fact.Trace) *survey.Finding {
	why := s.TraceOf(p.UID, func(e *corev1.Event) bool {
		return fact.WithReason(cannotMount...)(e) &&
			!sumsUp(e.Message)
	})
	if why.Found() {
		said.Message = why.Message
	}
	volume := quoted(said.Message)
	if sumsUp(said.Message) {
		volume = unmounted(said.Message)
	}
	what := "a volume"
	if volume != "" {
		what = "volume " + volume
	}
	remedy := fmt.Sprintf("Provide what the volume needs, or correct it in Git. Details: `kubectl -n %s describe pod "+
		"%s`.",
		s.Live.Namespace, p.Name)
	for _, kind := range []string{"secret", "configmap"} {
		if strings.Contains(said.Message, kind+` "`) {
			remedy = fmt.Sprintf("Put the %s into Git beside the DaemonSet, correct the volume's reference, or mark "+
				"it optional. What there is: `kubectl -n %s get %ss`.", kind, s.Live.Namespace, kind)
		}
	}
	detail, advised := volumeAdvice(s, p, volume, said.Message)
	if detail != "" {
		detail, remedy = " ("+detail+")", advised
	}
	return s.Ripen(&survey.Finding{
		Code: rollout.VolumeMount, Key: volume, About: what, Remedy: remedy,
		Message: fmt.Sprintf("%s cannot be mounted: %s%s", what, words.Clip(unwrapMount(said.Message), 400), detail),
		Since:   s.Since(rollout.VolumeMount, at.Name, false, said.First),
	})
}

// sumsUp recognises "Unable to attach or mount volumes: unmounted volumes=[config], unattached volumes=[]: timed out
// …".
func sumsUp(message string) bool { return strings.Contains(message, "unmounted volumes=[") }

// unmounted are the volumes that such a summary names.
func unmounted(message string) string {
	_, rest, _ := strings.Cut(message, "unmounted volumes=[")
	names, _, _ := strings.Cut(rest, "]")
	return names
}

// quoted is the first quoted word of a text.
func quoted(text string) string {
	_, rest, _ := strings.Cut(text, `"`)
	word, _, found := strings.Cut(rest, `"`)
	if !found {
		return ""
	}
	return word
}

// unwrapMount leaves the cause of what the kubelet says of a volume.
func unwrapMount(message string) string {
	if _, why, found := strings.Cut(message, `" : `); found {
		return why
	}
	return message
}
