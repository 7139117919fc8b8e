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

// sandboxTrouble is one of the reasons for which a pod's sandbox cannot be made: who refuses it, and what to do.
type sandboxTrouble struct {
	key    string
	words  []string // of which one is in what the kubelet and the runtime say, in lower case
	what   string   // cannot be made or had, as a sentence begins
	remedy func(s *survey.Survey, at *survey.Site, p *corev1.Pod) string
}

// sandboxTroubles are looked through in this order: what is certainly the network's, then what the pod asks for, then
// what the node is ill of, because a refused wish often ends in general words.
var sandboxTroubles = []sandboxTrouble{
	{"network", []string{"setup network", "set up network", "plugin type=", "network plugin", "networkplugin", "cni"},
		"the pod's network cannot be made", networkRemedy},
	{"userNamespaces", []string{"user namespace", "usernamespace", "userns", "hostusers", "idmap", "uid_map",
		"gid_map"},
		"the pod's user namespace cannot be made (hostUsers: false)", userNamespaceRemedy},
	{"runtimeClass", []string{"runtimeclass", "runtime class"},
		"the pod's RuntimeClass cannot be used", runtimeClassRemedy},
	{"runtimeHandler", []string{"runtimehandler", "runtime handler", "no runtime for", "sandbox runtime",
		"runtime binary"},
		"the node's container runtime does not know the handler of the pod's RuntimeClass", runtimeClassRemedy},
	{"memoryLimit", []string{"oom-killed", "oom killed", "oomkilled", "memory limit", "memory.max",
		"memory.limit_in_bytes"},
		"the pod's memory limit is below what the container runtime needs to start it", memoryLimitRemedy},
	{"sysctl", []string{"sysctl", "/proc/sys/"},
		"a sysctl of the pod cannot be set", securityRemedy("securityContext.sysctls")},
	{"profile", []string{"seccomp", "apparmor", "selinux"},
		"the pod's security profile cannot be used on the node", securityRemedy("securityContext")},
	{"pauseImage", []string{"sandbox image", "pause image", "/pause:"},
		"the container runtime's own sandbox (pause) image cannot be had", nodeRemedy(pauseImageAdvice)},
	{"cgroup", []string{"cgroup", "systemd", "dbus"},
		"the node's container runtime cannot make the pod's cgroup", nodeRemedy(cgroupAdvice)},
	{"disk", []string{"no space left", "disk quota", "read-only file system"},
		"the node cannot write the pod's sandbox", nodeRemedy(diskAdvice)},
	{"exhausted", []string{"too many open files", "resource temporarily unavailable", "cannot allocate memory",
		"max user"},
		"the node has used up what a sandbox needs", nodeRemedy(exhaustedAdvice)},
	{"addresses", []string{"network", "ipam", "ip address", "netns"},
		"the pod's network cannot be made", networkRemedy},
	{"runtime", []string{"deadline exceeded", "connection refused", "connection reset", "is reserved for", ".sock"},
		"the node's container runtime does not make the pod's sandbox", nodeRemedy(runtimeAdvice)},
}

// sandbox is a pod whose sandbox cannot be made: told by who refuses it.
func sandbox(s *survey.Survey, at *survey.Site, p *corev1.Pod, said fact.Trace) *survey.Finding {
	why := unwrapSandbox(said.Message)
	f := &survey.Finding{
		Code: rollout.Sandbox, Since: s.Since(rollout.Sandbox, at.Name, false, said.First),
		Message: "the pod's sandbox cannot be made: " + words.Clip(why, 400),
		Remedy:  anySandboxRemedy(s, at),
	}
	if trouble := sandboxTroubleOf(why, p.Name, p.Namespace, s.Live.Name); trouble != nil {
		f.Key = trouble.key
		f.Message = trouble.what + ": " + words.Clip(why, 400)
		f.Remedy = trouble.remedy(s, at, p)
	}
	return s.Ripen(f)
}

// sandboxTroubleOf tells a trouble by what is said outside of quotations, in which names stand; only if that tells
// nothing by the quotations too that are without the pod's names.
func sandboxTroubleOf(why string, names ...string) *sandboxTrouble {
	for _, said := range []string{withoutNames(why), withoutQuoted(why, names...)} {
		said = strings.ToLower(said)
		for i := range sandboxTroubles {
			if slices.ContainsFunc(sandboxTroubles[i].words,
				func(word string) bool { return strings.Contains(said, word) }) {
				return &sandboxTroubles[i]
			}
		}
	}
	return nil
}

// unwrapSandbox leaves out what the kubelet puts before the runtime's own words, and most of the sandbox's identifier.
func unwrapSandbox(message string) string {
	if _, why, found := strings.Cut(message, "Failed to create pod sandbox: "); found {
		message = why
	}
	if _, why, found := strings.Cut(message, "desc = "); found {
		message = why
	}
	return sandboxID.ReplaceAllString(message, "$1…")
}

// sandboxID is the identifier of a sandbox, another one at each attempt.
var sandboxID = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{52}\b`)

// What is to be done about a node that makes no sandbox; each names the node.
const (
	pauseImageAdvice = "The image stands in the configuration of the container runtime on %[1]s (sandbox_image of " +
		"containerd, pause_image of CRI-O): let the node reach its registry, or put the image on the node."
	diskAdvice      = "Its disk is full or read-only: free it; `kubectl describe node %[1]s` shows DiskPressure."
	exhaustedAdvice = "It is short of processes, files or memory: raise its limits or take load off it, `kubectl " +
		"describe node %[1]s`."
	cgroupAdvice = "See that the kubelet and the container runtime of %[1]s use the same cgroup driver, and that " +
		"systemd is well there: `journalctl -u kubelet -u containerd`."
	runtimeAdvice = "It hangs or is down: see whether it is well on %[1]s, `journalctl -u containerd`, and restart " +
		"it there if not."
)

func nodeRemedy(advice string) func(*survey.Survey, *survey.Site, *corev1.Pod) string {
	return func(_ *survey.Survey, at *survey.Site, _ *corev1.Pod) string {
		return "This is the node's trouble, not the commit's. " + fmt.Sprintf(advice, at.Name)
	}
}

func securityRemedy(field string) func(*survey.Survey, *survey.Site, *corev1.Pod) string {
	return func(s *survey.Survey, at *survey.Site, p *corev1.Pod) string {
		return fmt.Sprintf("Correct %s of the template in Git, or provide on %s what it asks for. Details: `kubectl "+
			"-n %s describe pod %s`.",
			field, at.Name, s.Live.Namespace, p.Name)
	}
}

// anySandboxRemedy is for words that nobody has heard yet: how to tell whether it is the commit or the node.
func anySandboxRemedy(s *survey.Survey, at *survey.Site) string {
	return fmt.Sprintf("The message is the container runtime's own. If other pods fail on %s as well, it is the "+
		"node: `kubectl get pods -A --field-selector spec.nodeName=%s`, and `journalctl -u containerd` there. If "+
		"only this one does, it is what the commit changed of the pod as a whole: host settings, securityContext, "+
		"limits, runtimeClassName.", at.Name, at.Name)
}

func userNamespaceRemedy(s *survey.Survey, at *survey.Site, _ *corev1.Pod) string {
	return fmt.Sprintf("Take hostUsers: false out of the template in Git, or keep the DaemonSet to nodes whose "+
		"kernel and container runtime can do it: `kubectl get node %s -o jsonpath='{.status.runtimeHandlers}'` tells "+
		"(userNamespaces).", at.Name)
}

func runtimeClassRemedy(s *survey.Survey, at *survey.Site, _ *corev1.Pod) string {
	class := ""
	if name := s.Live.Spec.Template.Spec.RuntimeClassName; name != nil {
		class = " " + *name
	}
	return fmt.Sprintf("Compare the handler of the RuntimeClass, `kubectl get runtimeclass%s -o yaml`, with those of "+
		"the node, `kubectl get node %s -o jsonpath='{.status.runtimeHandlers}'`: set the handler up in the node's "+
		"container runtime, keep the DaemonSet to nodes that have it (scheduling.nodeSelector of the RuntimeClass), "+
		"or correct runtimeClassName in Git.", class, at.Name)
}

func memoryLimitRemedy(s *survey.Survey, _ *survey.Site, _ *corev1.Pod) string {
	return fmt.Sprintf("Raise resources.limits.memory in Git%s: the runtime itself needs some MiB before the "+
		"container's first instruction, and the limits of the containers together bound the pod's sandbox.",
		memoryLimits(s))
}

// memoryLimits are the memory limits of the template, " (agent 600Ki)".
func memoryLimits(s *survey.Survey) string {
	var list []string
	spec := &s.Live.Spec.Template.Spec
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

func networkRemedy(s *survey.Survey, at *survey.Site, _ *corev1.Pod) string {
	remedy := fmt.Sprintf("This is the node's trouble, not the image's: see whether the CNI agent of %s is well, "+
		"`kubectl get pods -A --field-selector spec.nodeName=%s`, and has addresses left.", at.Name, at.Name)
	if !s.Live.Spec.Template.Spec.HostNetwork {
		remedy += " An agent that makes the network itself needs hostNetwork: true."
	}
	return remedy
}
