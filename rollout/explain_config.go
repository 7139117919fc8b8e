package rollout

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// cannotCreate are what a container waits for when it cannot be made or begun from what the pod says.
var cannotCreate = []string{
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError",
}

// configError is a container that cannot be created or started. Between two attempts it may wait in CrashLoopBackOff; then
// the last end tells that it never ran.
func (s *survey) configError(at *site, c containerCase) *finding {
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
	said := s.traceOf(c.pod.UID, ofContainer(c.status.Name, func(e *corev1.Event) bool {
		return e.Reason == "Failed" && !isFailedPull(e) && !strings.HasPrefix(e.Message, "Error: ErrImagePull") &&
			!strings.HasPrefix(e.Message, "Error: ImagePullBackOff")
	}))
	f := s.ripen(&finding{
		code: ConfigError, key: c.status.Name + " " + reason, about: c.kind() + ", " + reason,
		message: fmt.Sprintf("%s cannot be started: %s", c.kind(), clip(strings.TrimSpace(message), 400)),
		remedy:  s.configRemedy(c, message),
		since:   s.since(ConfigError, at.name, c.ends > 0, said.first, s.hint(c.pod)),
	})
	f.final = f.final || c.isOver() && !s.hasAfter(ConfigError) // nothing tries again
	return f
}

// neverRan reports whether a container ended before its command began.
func neverRan(end *corev1.ContainerStateTerminated) bool {
	return end.Reason == "StartError" || end.Reason == "ContainerCannotRun" || end.Reason == "CreateContainerError"
}

// configRemedy is what to do about a container that cannot be started.
func (s *survey) configRemedy(c containerCase, message string) string {
	look := fmt.Sprintf("Details: `kubectl -n %s describe pod %s`.", s.live.Namespace, c.pod.Name)
	lower := strings.ToLower(message)
	for _, kind := range []string{"configmap", "secret"} {
		if strings.Contains(lower, kind) {
			return fmt.Sprintf("Put the %s that it names, with that key, into Git beside the DaemonSet, correct the reference, or "+
				"mark it optional. What there is: `kubectl -n %s get %ss`. %s", kind, s.live.Namespace, kind, look)
		}
	}
	switch {
	case strings.Contains(lower, "context deadline exceeded") || strings.Contains(lower, "is reserved for") ||
		strings.Contains(lower, "name conflict"):
		return fmt.Sprintf("This is the node's container runtime, which hangs or has not let go of an earlier container: see whether it "+
			"is well on %s, and restart it there if not. %s", c.pod.Spec.NodeName, look)
	case strings.Contains(lower, "runasnonroot") || strings.Contains(lower, "non-root"):
		return "Set runAsUser in the securityContext, or use an image whose user is a number other than 0. " + look
	case strings.Contains(lower, "executable file not found") || strings.Contains(lower, "no such file or directory"):
		return fmt.Sprintf("Correct command and args of %s in Git: what they name is not in the image. %s", c.kind(), look)
	}
	return fmt.Sprintf("Correct what %s asks for in Git. %s", c.kind(), look)
}
