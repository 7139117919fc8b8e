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

// A name proves nothing: what a pull failed for is told by what the registry says of the image, whatever the image, its
// registry and the pod are called.
func TestNoNameOfAnImageIsTakenForItsTrouble(t *testing.T) {
	const gone, kept, far = "Push ", "imagePullSecrets", "does not get through"
	for _, c := range []struct{ image, said, advises string }{
		{"registry.example.com/tls-proxy:403",
			`failed to resolve reference "registry.example.com/tls-proxy:403": registry.example.com/tls-proxy:403: not found`, gone},
		{"denied.example.com:5000/eof/timeout:429",
			`rpc error: code = NotFound desc = failed to pull and unpack image "denied.example.com:5000/eof/timeout:429": ` +
				`denied.example.com:5000/eof/timeout:429: not found`, gone},
		{"registry.example.com/forbidden:404",
			`failed to do request: Head "https://registry.example.com/v2/forbidden/manifests/404": dial tcp: ` +
				`lookup registry.example.com on 10.0.0.53:53: no such host`, far},
		{"tls:404/not-found:v1", `failed to do request: Head "https://tls:404/v2/not-found/manifests/v1": dial tcp 192.0.2.1:404: connect: connection refused`, far},
		{"registry.example.com/404:v1", `unexpected status from HEAD request to https://registry.example.com/v2/404/manifests/v1: 403 Forbidden`, kept},
		{"not.found.example.com/agent:v1",
			`failed to authorize: failed to fetch anonymous token: unexpected status from GET request to ` +
				`https://auth.example.com/token?scope=repository%3A404%3Apull: 401 Unauthorized`, kept},
		{"registry.example.com/agent:v1",
			`error pulling image: Get "https://mirror-403.example.com/": remote error: tls: internal error`, far},
		{"registry.example.com/agent:v1",
			`failed to copy: httpReadSeeker: failed open: unexpected status code 503 Service Unavailable`, far},
	} {
		f := newFleet(t, 1)
		f.apply(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Containers[0].Image = c.image })
		p := f.replace("node-1")
		f.waits(p, "ImagePullBackOff", `Back-off pulling image "`+c.image+`": ErrImagePull: `+c.said)
		cause := f.want(rollout.Progressing, rollout.ImagePull).Causes[0]
		if !strings.Contains(cause.Remedy, c.advises) {
			t.Errorf("%s: %s\n%s", c.image, c.said, cause.Remedy)
		}
	}
}

// An agent of the network's own is called so in what the runtime quotes; its sandbox may fail for anything else.
func TestNoNameInASandboxesTroubleIsTakenForIt(t *testing.T) {
	for said, says := range map[string]string{
		`failed to reserve sandbox name "cni-node-x_network-agents_0": name "cni-node-x_network-agents_0" is reserved for "4f5a"`: "runtime does not make",
		`failed to get sandbox runtime: no runtime for "cni-kata" is configured`:                                                  "does not know the handler",
		`failed to get sandbox image "registry.example.com/cni/pause:3": i/o timeout`:                                             "(pause) image",
		`error writing "/proc/sys/kernel/shm_rmid_forced": not permitted`:                                                         "a sysctl of the pod",
		`failed to frobnicate "agent-x_seccomp_0"`:                                                                                "the pod's sandbox cannot be made",
	} {
		f := newFleet(t, 1).image("v2")
		f.ds.Namespace = "seccomp"
		p := f.replace("node-1")
		p.Namespace = "seccomp"
		f.event(p, "Pod", "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = "+
			said)
		if c := f.after(time.Minute).want(rollout.Stuck, rollout.Sandbox).Causes[0]; !strings.Contains(c.Message,
			says) {
			t.Errorf("%s\n%s", said, c.Message)
		}
	}
}

// Where nothing says who ended a container that ended with 0, nothing says that it did so by itself: its probe or hook
// may have had it ended, and is named.
func TestNobodyKnowsWhoEndedAContainer(t *testing.T) {
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 9}}, PeriodSeconds: 2,
		FailureThreshold: 2}
	hook := &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/warm"}}}}
	for name, c := range map[string]struct {
		with   func(*corev1.Container)
		events bool // of the pod
		doubt  string
	}{
		"a liveness probe without Events": {func(c *corev1.Container) { c.LivenessProbe = probe }, false,
			"Its liveness probe (gRPC on port 9) may have ended it"},
		"a postStart hook without Events": {func(c *corev1.Container) { c.Lifecycle = hook }, false,
			"Its postStart hook (exec /warm) may have failed"},
		"a startup probe's complaint alone": {func(c *corev1.Container) { c.StartupProbe = probe }, true,
			"Its startup probe (gRPC on port 9) may have ended it"},
		"a postStart hook, Events of others": {func(c *corev1.Container) { c.Lifecycle = hook }, true, ""},
		"none of them":                       {func(*corev1.Container) {}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) { c.with(&d.Spec.Template.Spec.Containers[0]) })
			p := f.runs(f.replace("node-1"))
			for range 2 {
				f.after(5 * time.Second)
				if c.events {
					f.event(p, "Pod", "Unhealthy", "Startup probe failed: no")
				}
				f.ends(p, 0, "Completed")
				f.after(5 * time.Second)
				f.runs(p)
			}
			cause := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]
			if itself := strings.Contains(cause.Message,
				"(it ends by itself, but an agent must go on running)"); itself != (c.doubt == "") ||
				!strings.Contains(cause.Remedy, c.doubt) {
				t.Errorf("%s\n%s", cause.Message, cause.Remedy)
			}
		})
	}
}

// All images of a pod that cannot be had are named: who mends one of two is stuck again for the other.
func TestAllImagesOfAPodThatCannotBeHadAreNamed(t *testing.T) {
	f := newFleet(t, 1).apply(func(d *appsv1.DaemonSet) {
		spec := &d.Spec.Template.Spec
		spec.Volumes = []corev1.Volume{{Name: "models",
			VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: modelsImage}}}}
		spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "models", MountPath: "/models"}}
		spec.Containers = append(spec.Containers, corev1.Container{Name: "helper",
			Image: "registry.example.com/Helper"})
	})
	p := f.replace("node-1")
	f.waits(p, "ImagePullBackOff", `Back-off pulling image "`+modelsImage+`": ErrImagePull: not found`)
	other := *p.Status.ContainerStatuses[0].DeepCopy()
	other.Name, other.State.Waiting.Reason, other.State.Waiting.Message = "helper", "InvalidImageName",
		"must be lowercase"
	p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, other)
	c := f.want(rollout.Progressing, rollout.InvalidImage).Causes[0]
	if !strings.Contains(c.Message, "Helper") ||
		!strings.Contains(c.Message, "cannot be had either: volume models, image "+modelsImage) {
		t.Error(c.Message)
	}
}

// What a container was short of when it was killed for its memory is its own limit, the pod's, or the node's memory.
func TestWhoseMemoryWasUsedUp(t *testing.T) {
	limit := corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("64Mi")}}
	for name, c := range map[string]struct {
		with          func(*corev1.PodSpec)
		says, advises string
	}{
		"its own limit": {func(s *corev1.PodSpec) { s.Containers[0].Resources = limit }, "its memory limit is 64Mi",
			"Raise resources.limits.memory of container agent"},
		"the pod's": {func(s *corev1.PodSpec) { s.Resources = &limit }, "the pod's memory limit is 64Mi",
			"Raise resources.limits.memory of the pod"},
		"the node's": {func(*corev1.PodSpec) {}, "the node's memory was used up", "kubectl describe node node-1"},
	} {
		f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) { c.with(&d.Spec.Template.Spec) })
		p := f.replace("node-1")
		f.ends(f.ready(f.ends(f.runs(p), 137, "OOMKilled")), 137, "OOMKilled")
		if cause := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(cause.Message, c.says) ||
			!strings.Contains(cause.Remedy, c.advises) {
			t.Errorf("%s: %s\n%s", name, cause.Message, cause.Remedy)
		}
	}
}

// Only what is used up is a lack of room; anything else that the scheduler says is left as it is said.
func TestOnlyWhatIsUsedUpIsALackOfRoom(t *testing.T) {
	for said, room := range map[string]bool{
		"1 Insufficient cpu":                             true,
		"1 node(s) exceed max volume count":              true,
		"1 node is filtered out by the prefilter result": false,
		"waiting for a frobnicator":                      false,
	} {
		f := newFleet(t, 1).image("v2")
		f.pending(f.replace("node-1"), "0/1 nodes are available: "+said+". preemption: none")
		if c := f.want(rollout.Progressing, rollout.Unschedulable).Causes[0]; strings.Contains(c.Message,
			"finds no room") != room {
			t.Error(c.Message)
		}
	}
}
