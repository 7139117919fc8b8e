package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations of a pod (of the template of a DaemonSet, say) that ask for a behaviour.
const (
	BehaviourAnnotation = "devcluster.daemongate.io/behaviour"  // one of the names below, several with commas
	NodesAnnotation     = "devcluster.daemongate.io/only-nodes" // only there; names of nodes with commas
	ContainerAnnotation = "devcluster.daemongate.io/container"  // which container; else the first
)

// Behaviours that an annotation can name. Those with a duration are written dies-after=40s.
const (
	crash         = "crash"           // exits 3 half a second after it started, always; argument crash does the same
	oom           = "oom"             // is OOMKilled two seconds after it started, always
	diesAfter     = "dies-after"      // exits 1 so long after it started, always
	diesOnceAfter = "dies-once-after" // the same, but only the first time
	// runs until its namespace has a ConfigMap "die"; then it exits 1, and does as crash
	diesOnRequest = "dies-on-request"
	neverReady    = "never-ready"    // its readiness probe never passes
	livenessFails = "liveness-fails" // its liveness probe never passes
	startupFails  = "startup-fails"  // its startup probe never passes
	hookFails     = "hook-fails"     // its postStart hook fails
	untold        = "untold"         // only the first killing by a probe or a hook is told in an Event
	pullFails     = "pull-fails"     // its image cannot be pulled
	configError   = "config-error"   // the ConfigMap of an environment variable is missing
	mountFails    = "mount-fails"    // the Secret of a volume is missing
	sandboxFails  = "sandbox-fails"  // the CNI plugin fails
	initCrash     = "init-crash"     // the first init container exits 3 half a second after it started, always
	evicted       = "evicted"        // the pod is evicted ten seconds after it started
	rejected      = "rejected"       // the kubelet refuses the pod: UnexpectedAdmissionError
	outOfCPU      = "out-of-cpu"     // the kubelet refuses the pod: OutOfcpu
	noAppArmor    = "no-apparmor"    // the kubelet refuses the pod: AppArmor
	clockAhead    = "clock-ahead"    // its node's clock goes ahead by so much
	neverStops    = "never-stops"    // its containers cannot be ended; KWOK leaves it alone
	slowStart     = "slow-start"     // the image takes so long to pull; played by KWOK
	slowStop      = "slow-stop"      // the containers take so long to end; played by KWOK
)

// volumePullFails is an image volume whose image cannot be pulled; it comes from the pod's volumes alone.
const volumePullFails = "volume-pull-fails"

var durations = []string{diesAfter, diesOnceAfter, clockAhead, slowStart, slowStop}

var behaviours = append([]string{crash, oom, diesOnRequest, neverReady, livenessFails, startupFails, hookFails, untold,
	pullFails, configError,
	mountFails, sandboxFails, initCrash, evicted, rejected, outOfCPU, noAppArmor, neverStops}, durations...)

// trouble is what is wrong with a pod; the zero value is a pod that runs well.
type trouble struct {
	kind      string
	after     time.Duration
	container string // whose trouble it is; empty for the pod's own
	untold    bool   // see the behaviour
}

// troubleOf reads what is wrong with a pod from its spec and annotations: what it is asked to do comes before what its
// image, arguments and probes imply. An annotation that makes no sense is an error that says what would.
func troubleOf(pod *corev1.Pod) (trouble, error) {
	asked, err := askedOf(pod)
	if err != nil || asked.kind != "" {
		return asked, err
	}
	implied := impliedBy(pod)
	implied.untold = asked.untold
	return implied, nil
}

// impliedBy is what the spec itself leads to.
func impliedBy(pod *corev1.Pod) trouble {
	if sandboxRefusal(pod) != "" {
		return trouble{kind: sandboxFails}
	}
	for _, c := range allContainers(&pod.Spec) {
		if invalidImage(c.Image) != "" || !pullable(c.Image) {
			return trouble{kind: pullFails, container: c.Name}
		}
		if missingImageVolume(pod, c.Name) != "" {
			return trouble{kind: volumePullFails, container: c.Name}
		}
	}
	for _, c := range pod.Spec.InitContainers {
		if slices.Contains(c.Args, crash) {
			return trouble{kind: initCrash, container: c.Name}
		}
	}
	for _, c := range pod.Spec.Containers {
		switch {
		case slices.Contains(c.Args, crash):
			return trouble{kind: crash, container: c.Name}
		case refused(c.StartupProbe):
			return trouble{kind: startupFails, container: c.Name}
		case hookRefused(&c):
			return trouble{kind: hookFails, container: c.Name}
		case refused(c.LivenessProbe):
			return trouble{kind: livenessFails, container: c.Name}
		case refused(c.ReadinessProbe):
			return trouble{kind: neverReady, container: c.Name}
		}
	}
	return trouble{}
}

// askedOf reads the annotations.
func askedOf(pod *corev1.Pod) (trouble, error) {
	nodes := pod.Annotations[NodesAnnotation]
	if nodes != "" && !slices.Contains(strings.Split(nodes, ","), pod.Spec.NodeName) {
		return trouble{}, nil
	}
	var t trouble
	for word := range strings.SplitSeq(pod.Annotations[BehaviourAnnotation], ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		kind, text, _ := strings.Cut(word, "=")
		if !slices.Contains(behaviours, kind) {
			return t, fmt.Errorf("annotation %s: %q is none of %s", BehaviourAnnotation, kind,
				strings.Join(behaviours, ", "))
		}
		after, err := time.ParseDuration(text)
		if slices.Contains(durations, kind) != (err == nil) {
			return t, fmt.Errorf("annotation %s: %q: a duration belongs to %s and to nothing else, as in %s=40s",
				BehaviourAnnotation, word, strings.Join(durations, ", "), diesAfter)
		}
		switch kind {
		case slowStart, slowStop, neverStops:
		case untold:
			t.untold = true
		default:
			t.kind, t.after = kind, after
		}
	}
	return whose(t, pod)
}

// whose finds the container that a trouble concerns.
func whose(t trouble, pod *corev1.Pod) (trouble, error) {
	containers := pod.Spec.Containers
	switch t.kind {
	case "", mountFails, sandboxFails, evicted, rejected, outOfCPU, noAppArmor, clockAhead:
		return t, nil
	case initCrash:
		containers = pod.Spec.InitContainers
	case pullFails:
		containers = allContainers(&pod.Spec)
	}
	name := pod.Annotations[ContainerAnnotation]
	for _, c := range containers {
		if name == "" || c.Name == name {
			t.container = c.Name
			return t, nil
		}
	}
	return t, fmt.Errorf("annotation %s: %q needs a container %q, the pod has none", BehaviourAnnotation, t.kind, name)
}

func allContainers(spec *corev1.PodSpec) []corev1.Container {
	return slices.Concat(spec.InitContainers, spec.Containers)
}

// refused: port 9 is closed on every node, as it was where the recordings come from.
func refused(probe *corev1.Probe) bool {
	if probe == nil {
		return false
	}
	return probe.HTTPGet != nil && probe.HTTPGet.Port.IntValue() == 9 ||
		probe.TCPSocket != nil && probe.TCPSocket.Port.IntValue() == 9
}
