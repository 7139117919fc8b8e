package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/daemongate/daemongate/rollout"
)

// sandboxWords are what kubelets and runtimes say when they make no sandbox, with whom it is told of and what is
// advised.
var sandboxWords = map[string]struct{ said, says, advises string }{
	"the CNI plugin has no addresses":      {`rpc error: code = Unknown desc = failed to setup network for sandbox "4f5a": plugin type="host-local" failed (add): no IP addresses available in range set`, "the pod's network", "CNI agent of node-1"},
	"the CNI plugin cannot write a sysctl": {`rpc error: code = Unknown desc = failed to setup network for sandbox "4f5a": plugin type="loopback" failed (add): open /proc/sys/net/ipv6/conf/lo: no such file`, "the pod's network", "CNI agent"},
	"the CNI configuration is missing": {`rpc error: code = Unknown desc = cni config uninitialized`,
		"the pod's network", "CNI agent"},
	"the runtime has no user namespaces": {"can't set `spec.hostUsers: false`, runtime does not support user " +
		"namespaces", "hostUsers: false", "Take hostUsers: false out"},
	"a handler has no user namespaces": {`RuntimeClass handler "kata" does not support user namespaces`,
		"hostUsers: false", "Take hostUsers: false out"},
	"the kernel maps no user ids":                {`rpc error: code = Unknown desc = failed to mount rootfs: idmapped mounts are not supported by the kernel`, "hostUsers: false", "hostUsers"},
	"containerd does not know the handler":       {`rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "kata" is configured`, "does not know the handler", "kubectl get runtimeclass kata"},
	"CRI-O does not know the handler":            {`rpc error: code = Unknown desc = failed to find runtime handler kata from runtime list map[runc:0xc0]`, "does not know the handler", "handler"},
	"the RuntimeClass is gone":                   {`failed to get RuntimeClass "kata": runtimeclass.node.k8s.io "kata" not found`, "RuntimeClass cannot be used", "runtimeClassName in Git"},
	"runc is killed for the memory limit":        {`rpc error: code = Unknown desc = failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?)`, "memory limit", "agent 600Ki"},
	"CRI-O refuses the memory limit":             {`rpc error: code = Unknown desc = set memory limit 614400 too low; should be at least 12582912 bytes`, "memory limit", "Raise resources.limits.memory"},
	"the sandbox image cannot be pulled":         {`rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.10": failed to pull image: i/o timeout`, "sandbox (pause) image", "let the node reach its registry"},
	"a seccomp profile is missing":               {`rpc error: code = Unknown desc = failed to generate sandbox spec: seccomp profile "strict.json" not found`, "security profile", "securityContext"},
	"the node's disk is full":                    {`rpc error: code = Unknown desc = mkdir /run/containerd/x: no space left on device`, "cannot write", "free it"},
	"the runtime hangs":                          {`rpc error: code = DeadlineExceeded desc = context deadline exceeded`, "runtime does not make", "restart it"},
	"the runtime is down":                        {`rpc error: code = Unavailable desc = connection error: dial unix /run/containerd/containerd.sock: connect: connection refused`, "runtime does not make", "restart it"},
	"the runtime says what nobody has heard yet": {`rpc error: code = Unknown desc = frobnication of the container failed`, "the pod's sandbox cannot be made: frobnication", "what the commit changed of the pod as a whole"},
}

// refusedSandbox is a fleet whose new pod on node-1 gets no sandbox.
func refusedSandbox(t testing.TB, said string) *fleet {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		spec, class := &d.Spec.Template.Spec, "kata"
		spec.RuntimeClassName = &class
		spec.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("600Ki")}
	})
	f.event(f.replace("node-1"), "Pod", "FailedCreatePodSandBox", "Failed to create pod sandbox: "+said)
	return f
}

var _ = playSandboxes()

func playSandboxes() (all bool) {
	for title, c := range sandboxWords {
		all = plays(title, func(t testing.TB) rollout.Judgement {
			f := refusedSandbox(t, c.said)
			return f.after(time.Minute).judge()
		})
	}
	return all
}

// A sandbox that cannot be made is told by who refuses it: only what the network cannot do is the network's.
func TestASandboxIsToldByWhoRefusesIt(t *testing.T) {
	for name, c := range sandboxWords {
		t.Run(name, func(t *testing.T) {
			f := refusedSandbox(t, c.said)
			cause := f.after(time.Minute).want(rollout.Stuck, rollout.Sandbox).Causes[0]
			if !strings.Contains(cause.Message, c.says) || !strings.Contains(cause.Remedy, c.advises) {
				t.Errorf("%s\n%s", cause.Message, cause.Remedy)
			}
			network := strings.Contains(name, "CNI")
			if strings.Contains(cause.Message, "network") != network || strings.Contains(cause.Remedy,
				"CNI") != network {
				t.Errorf("the network: %v\n%s\n%s", network, cause.Message, cause.Remedy)
			}
		})
	}
}

// Nodes whose sandboxes are refused for different reasons are different causes; the identifier of a sandbox, which
// differs every time, is none.
func TestSandboxesOfDifferentTroubleAreDifferentCauses(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	f := refusedSandbox(t, `rpc error: code = Unknown desc = failed to setup network for sandbox "`+id+`": no`)
	f.event(f.replace("node-2"), "Pod", "FailedCreatePodSandBox",
		"Failed to create pod sandbox: runtime does not support user namespaces")
	f.event(f.replace("node-3"), "Pod", "FailedCreatePodSandBox",
		"(combined from similar events): Failed to create pod sandbox: runtime does not support user namespaces")
	j := f.after(time.Minute).want(rollout.Stuck, rollout.Sandbox)
	if len(j.Causes) != 2 || strings.Join(j.Causes[0].Nodes, " ") != "node-2 node-3" ||
		strings.Contains(j.Causes[1].Message, id) {
		t.Errorf("%s", plain(j))
	}
}
