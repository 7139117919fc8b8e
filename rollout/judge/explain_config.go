package judge

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// cannotCreate are what a container waits for when it cannot be made or begun from what the pod says.
var cannotCreate = []string{
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError",
}

// configError is a container that cannot be created or started. Between two attempts it may wait in CrashLoopBackOff; then
// the last end tells that it never ran.
func configError(s *survey, at *site, c containerCase) *finding {
	reason, message := c.waiting()
	if !slices.Contains(cannotCreate, reason) {
		end := c.lastEnd()
		if end == nil || c.status.State.Running != nil || !neverRan(end) {
			return nil
		}
		reason, message = end.Reason, end.Message
	}
	if message == "" {
		message = "the kubelet does not say why"
	}
	said := s.traceOf(c.pod.UID, fact.OfContainer(c.status.Name, func(e *corev1.Event) bool {
		return e.Reason == "Failed" && !isFailedPull(e) && !strings.HasPrefix(e.Message, "Error: ErrImagePull") &&
			!strings.HasPrefix(e.Message, "Error: ImagePullBackOff")
	}))
	detail, remedy := configAdvice(s, c, reason, message)
	if detail != "" {
		detail = " (" + detail + ")"
	}
	f := s.ripen(&finding{
		code: rollout.ConfigError, key: c.status.Name + " " + reason, about: c.kind() + ", " + reason,
		message: fmt.Sprintf("%s cannot be started: %s%s", c.kind(), words.Clip(strings.TrimSpace(message), 400), detail),
		remedy:  fmt.Sprintf("%s Details: `kubectl -n %s describe pod %s`.", remedy, s.live.Namespace, c.pod.Name),
		since:   s.since(rollout.ConfigError, at.name, c.ends > 0, said.First, mayHaveBegun(s, c.pod)),
	})
	f.final = f.final || c.isOver() && !hasAfter(s, rollout.ConfigError) // nothing tries again
	return f
}

// neverRan reports whether a container ended before its command began.
func neverRan(end *corev1.ContainerStateTerminated) bool {
	return end.Reason == "StartError" || end.Reason == "ContainerCannotRun" || end.Reason == "CreateContainerError"
}
