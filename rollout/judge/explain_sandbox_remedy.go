package judge

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// What is to be done about a node that makes no sandbox; each names the node.
const (
	pauseImageAdvice = "The image stands in the configuration of the container runtime on %[1]s (sandbox_image of containerd, " +
		"pause_image of CRI-O): let the node reach its registry, or put the image on the node."
	diskAdvice      = "Its disk is full or read-only: free it; `kubectl describe node %[1]s` shows DiskPressure."
	exhaustedAdvice = "It is short of processes, files or memory: raise its limits or take load off it, `kubectl describe node %[1]s`."
	cgroupAdvice    = "See that the kubelet and the container runtime of %[1]s use the same cgroup driver, and that systemd is well there: " +
		"`journalctl -u kubelet -u containerd`."
	runtimeAdvice = "It hangs or is down: see whether it is well on %[1]s, `journalctl -u containerd`, and restart it there if not."
)

func nodeRemedy(advice string) func(*survey, *site, *corev1.Pod) string {
	return func(_ *survey, at *site, _ *corev1.Pod) string {
		return "This is the node's trouble, not the commit's. " + fmt.Sprintf(advice, at.name)
	}
}

func securityRemedy(field string) func(*survey, *site, *corev1.Pod) string {
	return func(s *survey, at *site, p *corev1.Pod) string {
		return fmt.Sprintf("Correct %s of the template in Git, or provide on %s what it asks for. Details: `kubectl -n %s describe pod %s`.",
			field, at.name, s.live.Namespace, p.Name)
	}
}

// anySandboxRemedy is for words that nobody has heard yet: how to tell whether it is the commit or the node.
func anySandboxRemedy(s *survey, at *site) string {
	return fmt.Sprintf("The message is the container runtime's own. If other pods fail on %s as well, it is the node: `kubectl get pods -A "+
		"--field-selector spec.nodeName=%s`, and `journalctl -u containerd` there. If only this one does, it is what the commit changed of the "+
		"pod as a whole: host settings, securityContext, limits, runtimeClassName.", at.name, at.name)
}

func userNamespaceRemedy(s *survey, at *site, _ *corev1.Pod) string {
	return fmt.Sprintf("Take hostUsers: false out of the template in Git, or keep the DaemonSet to nodes whose kernel and container runtime can "+
		"do it: `kubectl get node %s -o jsonpath='{.status.runtimeHandlers}'` tells (userNamespaces).", at.name)
}

func runtimeClassRemedy(s *survey, at *site, _ *corev1.Pod) string {
	class := ""
	if name := s.live.Spec.Template.Spec.RuntimeClassName; name != nil {
		class = " " + *name
	}
	return fmt.Sprintf("Compare the handler of the RuntimeClass, `kubectl get runtimeclass%s -o yaml`, with those of the node, `kubectl get node "+
		"%s -o jsonpath='{.status.runtimeHandlers}'`: set the handler up in the node's container runtime, keep the DaemonSet to nodes that "+
		"have it (scheduling.nodeSelector of the RuntimeClass), or correct runtimeClassName in Git.", class, at.name)
}

func memoryLimitRemedy(s *survey, _ *site, _ *corev1.Pod) string {
	return fmt.Sprintf("Raise resources.limits.memory in Git%s: the runtime itself needs some MiB before the container's first instruction, "+
		"and the limits of the containers together bound the pod's sandbox.", memoryLimits(s))
}

// memoryLimits are the memory limits of the template, " (agent 600Ki)".
func memoryLimits(s *survey) string {
	var list []string
	spec := &s.live.Spec.Template.Spec
	if spec.Resources != nil && spec.Resources.Limits.Memory().Sign() > 0 {
		list = append(list, "the pod "+spec.Resources.Limits.Memory().String())
	}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			if limit := containers[i].Resources.Limits.Memory(); limit.Sign() > 0 {
				list = append(list, containers[i].Name+" "+limit.String())
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}

func networkRemedy(s *survey, at *site, _ *corev1.Pod) string {
	remedy := fmt.Sprintf("This is the node's trouble, not the image's: see whether the CNI agent of %s is well, `kubectl get pods -A "+
		"--field-selector spec.nodeName=%s`, and has addresses left.", at.name, at.name)
	if !s.live.Spec.Template.Spec.HostNetwork {
		remedy += " An agent that makes the network itself needs hostNetwork: true."
	}
	return remedy
}
