package judge

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// sandboxTrouble is one of the reasons for which a pod's sandbox cannot be made: who refuses it, and what to do.
type sandboxTrouble struct {
	key    string
	words  []string // of which one is in what the kubelet and the runtime say, in lower case
	what   string   // cannot be made or had, as a sentence begins
	remedy func(s *survey, at *site, p *corev1.Pod) string
}

// sandboxTroubles are looked through in this order: what is certainly the network's, then what the pod asks for, then what the
// node is ill of, because a refused wish often ends in general words.
var sandboxTroubles = []sandboxTrouble{
	{"network", []string{"setup network", "set up network", "plugin type=", "network plugin", "networkplugin", "cni"},
		"the pod's network cannot be made", networkRemedy},
	{"userNamespaces", []string{"user namespace", "usernamespace", "userns", "hostusers", "idmap", "uid_map", "gid_map"},
		"the pod's user namespace cannot be made (hostUsers: false)", userNamespaceRemedy},
	{"runtimeClass", []string{"runtimeclass", "runtime class"},
		"the pod's RuntimeClass cannot be used", runtimeClassRemedy},
	{"runtimeHandler", []string{"runtimehandler", "runtime handler", "no runtime for", "sandbox runtime", "runtime binary"},
		"the node's container runtime does not know the handler of the pod's RuntimeClass", runtimeClassRemedy},
	{"memoryLimit", []string{"oom-killed", "oom killed", "oomkilled", "memory limit", "memory.max", "memory.limit_in_bytes"},
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
	{"exhausted", []string{"too many open files", "resource temporarily unavailable", "cannot allocate memory", "max user"},
		"the node has used up what a sandbox needs", nodeRemedy(exhaustedAdvice)},
	{"addresses", []string{"network", "ipam", "ip address", "netns"},
		"the pod's network cannot be made", networkRemedy},
	{"runtime", []string{"deadline exceeded", "connection refused", "connection reset", "is reserved for", ".sock"},
		"the node's container runtime does not make the pod's sandbox", nodeRemedy(runtimeAdvice)},
}

// sandbox is a pod whose sandbox cannot be made: told by who refuses it.
func sandbox(s *survey, at *site, p *corev1.Pod, said fact.Trace) *finding {
	why := unwrapSandbox(said.Message)
	f := &finding{
		code: rollout.Sandbox, since: s.since(rollout.Sandbox, at.name, false, said.First),
		message: "the pod's sandbox cannot be made: " + words.Clip(why, 400),
		remedy:  anySandboxRemedy(s, at),
	}
	if trouble := sandboxTroubleOf(why, p.Name, p.Namespace, s.live.Name); trouble != nil {
		f.key = trouble.key
		f.message = trouble.what + ": " + words.Clip(why, 400)
		f.remedy = trouble.remedy(s, at, p)
	}
	return s.ripen(f)
}

// sandboxTroubleOf tells a trouble by what is said outside of quotations, in which names stand; only if that tells
// nothing by the quotations too that are without the pod's names.
func sandboxTroubleOf(why string, names ...string) *sandboxTrouble {
	for _, said := range []string{withoutNames(why), withoutQuoted(why, names...)} {
		said = strings.ToLower(said)
		for i := range sandboxTroubles {
			if slices.ContainsFunc(sandboxTroubles[i].words, func(word string) bool { return strings.Contains(said, word) }) {
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
