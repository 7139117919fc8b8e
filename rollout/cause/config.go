package cause

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// cannotCreate are what a container waits for when it cannot be made or begun from what the pod says.
var cannotCreate = []string{
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError",
	"PreStartHookError",
}

// configError is a container that cannot be created or started. Between two attempts it may wait in CrashLoopBackOff;
// then the last end tells that it never ran.
func configError(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	reason, message := c.Waiting()
	if !slices.Contains(cannotCreate, reason) {
		end := c.LastEnd()
		if end == nil || c.Status.State.Running != nil || !neverRan(end) {
			return nil
		}
		reason, message = end.Reason, end.Message
	}
	if message == "" {
		message = "the kubelet does not say why"
	}
	said := s.TraceOf(c.Pod.UID, fact.OfContainer(c.Status.Name, func(e *corev1.Event) bool {
		return e.Reason == "Failed" && !isFailedPull(e) && !strings.HasPrefix(e.Message, "Error: ErrImagePull") &&
			!strings.HasPrefix(e.Message, "Error: ImagePullBackOff")
	}))
	detail, remedy := configAdvice(s, c, reason, message)
	if detail != "" {
		detail = " (" + detail + ")"
	}
	f := s.Ripen(&survey.Finding{
		Code: rollout.ConfigError, Key: c.Status.Name + " " + reason, About: c.Kind() + ", " + reason,
		Message: fmt.Sprintf("%s cannot be started: %s%s", c.Kind(), words.Clip(strings.TrimSpace(message), 400),
			detail),
		Remedy: fmt.Sprintf("%s Details: `kubectl -n %s describe pod %s`.", remedy, s.Live.Namespace, c.Pod.Name),
		Since:  s.Since(rollout.ConfigError, at.Name, c.Ends > 0, said.First, mayHaveBegun(s, c.Pod)),
	})
	f.Final = f.Final || c.IsOver() && !survey.HasAfter(s, rollout.ConfigError) // nothing tries again
	return f
}

// neverRan reports whether a container ended before its command began.
func neverRan(end *corev1.ContainerStateTerminated) bool {
	return end.Reason == "StartError" || end.Reason == "ContainerCannotRun" || end.Reason == "CreateContainerError"
}
