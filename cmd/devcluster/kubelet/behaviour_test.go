package kubelet

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func agent(behaviour string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "agent", Namespace: "logging", UID: "1",
			Annotations: map[string]string{BehaviourAnnotation: behaviour},
		},
		Spec: corev1.PodSpec{
			NodeName:       "node-003",
			InitContainers: []corev1.Container{{Name: "init", Image: "registry.local/init:v1"}},
			Containers: []corev1.Container{
				{Name: "agent", Image: "registry.local/agent:v1"},
				{Name: "proxy", Image: "docker.io/library/proxy:latest"},
			},
		},
	}
}

// A pod says by its annotations what shall be wrong with it, on which nodes and with which container.
func TestTroubleIsReadFromThePod(t *testing.T) {
	for _, test := range []struct {
		behaviour, nodes, container string
		want                        trouble
	}{
		{behaviour: "", want: trouble{}},
		{behaviour: "crash", want: trouble{kind: crash, container: "agent"}},
		{behaviour: "crash", container: "proxy", want: trouble{kind: crash, container: "proxy"}},
		{behaviour: "crash", nodes: "node-001,node-003", want: trouble{kind: crash, container: "agent"}},
		{behaviour: "crash", nodes: "node-001", want: trouble{}},
		{behaviour: "dies-after=40s", want: trouble{kind: diesAfter, after: 40 * time.Second, container: "agent"}},
		{behaviour: "init-crash", want: trouble{kind: initCrash, container: "init"}},
		{behaviour: "pull-fails", container: "init", want: trouble{kind: pullFails, container: "init"}},
		{behaviour: "slow-stop=20s, oom", want: trouble{kind: oom, container: "agent"}},
		{behaviour: "slow-start=20s", want: trouble{}},
		{behaviour: "untold, liveness-fails", want: trouble{kind: livenessFails, container: "agent", untold: true}},
	} {
		pod := agent(test.behaviour)
		pod.Annotations[NodesAnnotation], pod.Annotations[ContainerAnnotation] = test.nodes, test.container
		got, err := troubleOf(pod)
		if err != nil || got != test.want {
			t.Errorf("%q on %q in %q: %+v (%v), want %+v", test.behaviour, test.nodes, test.container, got, err,
				test.want)
		}
	}
}

// An annotation that makes no sense is not taken for a healthy pod in silence: the error says what would make sense.
func TestNonsenseIsRefused(t *testing.T) {
	for behaviour, hint := range map[string]string{
		"crsh":            "crash, oom",
		"dies-after":      "dies-after=40s",
		"crash=3s":        "duration",
		"dies-after=40":   "dies-after=40s",
		"slow-start=fast": "duration",
	} {
		if _, err := troubleOf(agent(behaviour)); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want an error with %q", behaviour, err, hint)
		}
	}
	pod := agent("crash")
	pod.Annotations[ContainerAnnotation] = "agnt"
	if _, err := troubleOf(pod); err == nil || !strings.Contains(err.Error(), "agnt") {
		t.Errorf("a container that is not there: %v", err)
	}
}

// registry.local has released tags; what it does not have cannot be pulled. Other registries have everything.
func TestRegistryHasReleasedTags(t *testing.T) {
	for image, want := range map[string]bool{
		"registry.local/agent:v1": true, "registry.local/team/agent:v1.2.3": true,
		"docker.io/fluent/fluentd:latest": true,
		"registry.local/agent:v2-typo":    false, "registry.local/agent:latest": false, "registry.local/agent": false,
		"registry.local/agent:1": false,
	} {
		if got := pullable(image); got != want {
			t.Errorf("%s: pullable %t, want %t", image, got, want)
		}
	}
}

// A pod needs what its volumes and its environment name, unless it says that it can do without.
func TestPodNeedsItsConfigMapsAndSecrets(t *testing.T) {
	pod := agent("")
	name := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	pod.Spec.Volumes = []corev1.Volume{
		{Name: "a", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: name("files")}}},
		{Name: "b", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "keys"}}},
		{Name: "c", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "perhaps",
			Optional: new(true)}}},
	}
	pod.Spec.Containers[1].Env = []corev1.EnvVar{
		{Name: "PLAIN", Value: "1"},
		{Name: "A", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: name("one")}}},
		{Name: "B", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: name("two")}}},
	}
	pod.Spec.Containers[1].EnvFrom = []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: name("three")}},
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: name("four"), Optional: new(true)}},
	}
	want := []object{
		{kind: "configmap", name: "files", volume: "a"}, {kind: "secret", name: "keys", volume: "b"},
		{kind: "configmap", name: "one", container: "proxy"}, {kind: "secret", name: "two", container: "proxy"},
		{kind: "configmap", name: "three", container: "proxy"},
	}
	if got := needs(&pod.Spec); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
