package ahead

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// podsOn are pods of a DaemonSet as they stand on nodes.
func podsOn(d *appsv1.DaemonSet, nodes ...string) []*corev1.Pod {
	var list []*corev1.Pod
	for _, node := range nodes {
		p := fact.PodOf(d)
		p.Name, p.Spec.NodeName = d.Name+"-"+node, node
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: d.Name, UID: d.UID,
			Controller: new(true)}}
		list = append(list, p)
	}
	return list
}

func ofPort(p corev1.ContainerPort) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) { s.Containers[0].Ports = append(s.Containers[0].Ports, p) }
}

func hostNetwork(p corev1.ContainerPort) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) { s.HostNetwork = true; ofPort(p)(s) }
}

func claim(name string) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}}}
	}
}

func asks(what corev1.ResourceName, q string) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.Containers[0].Resources.Requests = corev1.ResourceList{what: resource.MustParse(q)}
	}
}

func sidecarPort(always bool) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		c := corev1.Container{Name: "init", Ports: []corev1.ContainerPort{{HostPort: 9100}}}
		if always {
			c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		s.InitContainers = []corev1.Container{c}
	}
}

// What only one of two pods of a node can have is told as the scheduler counts it: host ports by number, protocol and
// address, those of a pod on the node's own network too; a claim that one pod may use; room that is enough for either
// alone.
func TestWhatTwoDaemonSetsCannotBothHave(t *testing.T) {
	hostPath := func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "data",
			VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/run"}}}}
	}
	for name, c := range map[string]struct {
		next, old func(*corev1.PodSpec)
		want      string // "" if they do not clash
	}{
		"the same port": {ofPort(corev1.ContainerPort{HostPort: 9100}),
			ofPort(corev1.ContainerPort{HostPort: 9100, Protocol: "TCP"}), "host port 9100/TCP"},
		"another number": {ofPort(corev1.ContainerPort{HostPort: 9100}),
			ofPort(corev1.ContainerPort{HostPort: 9101}), ""},
		"another protocol": {ofPort(corev1.ContainerPort{HostPort: 53, Protocol: "UDP"}),
			ofPort(corev1.ContainerPort{HostPort: 53}), ""},
		"two addresses": {ofPort(corev1.ContainerPort{HostPort: 80, HostIP: "127.0.0.1"}),
			ofPort(corev1.ContainerPort{HostPort: 80, HostIP: "10.0.0.1"}), ""},
		"one address and all": {ofPort(corev1.ContainerPort{HostPort: 80, HostIP: "127.0.0.1"}),
			ofPort(corev1.ContainerPort{HostPort: 80}), "host port 127.0.0.1:80/TCP"},
		"a container port is nobody's": {ofPort(corev1.ContainerPort{ContainerPort: 80}),
			ofPort(corev1.ContainerPort{ContainerPort: 80}), ""},
		"on the node's network it is": {hostNetwork(corev1.ContainerPort{ContainerPort: 80}),
			ofPort(corev1.ContainerPort{HostPort: 80}), "host port 80/TCP"},
		"a sidecar's port": {sidecarPort(true), ofPort(corev1.ContainerPort{HostPort: 9100}),
			"host port 9100/TCP"},
		"that of one that ends": {sidecarPort(false), ofPort(corev1.ContainerPort{HostPort: 9100}), ""},
		"a claim for one pod": {claim("single"), claim("single"),
			"PersistentVolumeClaim single (ReadWriteOncePod)"},
		"a claim for many":      {claim("shared"), claim("shared"), ""},
		"a path of the node":    {hostPath, hostPath, ""},
		"room for either alone": {asks("memory", "3Gi"), asks("memory", "2Gi"), "memory"},
		"room for both":         {asks("memory", "2Gi"), asks("memory", "2Gi"), ""},
		"never any room":        {asks("memory", "5Gi"), asks("memory", "2Gi"), ""},
		"the node's only device": {asks("example.com/gpu", "1"), asks("example.com/gpu", "1"),
			"example.com/gpu"},
		"a device that the other leaves": {asks("example.com/gpu", "1"), asks("memory", "2Gi"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			old, next := podtest.Daemon("old", c.old), podtest.Daemon("new", c.next)
			nodes := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}}
			nodes[0].Status.Allocatable = corev1.ResourceList{"memory": resource.MustParse("4Gi"),
				"example.com/gpu": resource.MustParse("1")}
			found, clashes := Held(rollout.Holder{DaemonSet: old, Pods: podsOn(old, "n1")}, Claimant{Next: next}, nodes,
				map[string]bool{"platform/single": true})
			if got := strings.Join(found.Things, ", "); got != c.want || clashes != (c.want != "") {
				t.Errorf("clashes by %q, not %q", got, c.want)
			}
		})
	}
}

// Only nodes count where one has a pod and the other would have to wait for it: not those that the new one is not meant
// for, nor those where it has the port already (the one that goes waits for it there, and may go), nor where the
// other's pod waits or has ended.
func TestNodesOnWhichDaemonSetsClash(t *testing.T) {
	http := ofPort(corev1.ContainerPort{HostPort: 80})
	old, next := podtest.Daemon("old", http), podtest.Daemon("new", http)
	var nodes []*corev1.Node
	for i := range 5 {
		nodes = append(nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i),
			Labels: map[string]string{"agents": fmt.Sprint(i != 0)}}})
	}
	next.Spec.Template.Spec.NodeSelector = map[string]string{"agents": "true"}
	pods := podsOn(old, "n0", "n1", "n2", "n3", "n4")
	pods[2].Spec.NodeName = ""
	pods[3].Status.Phase = corev1.PodFailed
	found, _ := Held(rollout.Holder{DaemonSet: old, Pods: pods}, Claimant{Next: next}, nodes, nil)
	if !slices.Equal(found.Nodes, []string{"n1", "n4"}) {
		t.Errorf("clash on %v", found.Nodes)
	}
	found, clashes := Held(rollout.Holder{DaemonSet: old, Pods: pods}, Claimant{Next: next, Current: next,
		Pods: podsOn(next, "n1", "n4")}, nodes, nil)
	if clashes {
		t.Errorf("clash on %v, where the new one has the port", found.Nodes)
	}
	cause := Clash{Things: []string{"host port 80/TCP"}, Nodes: []string{"n1", "n4"}}.Refuse(next, old)
	for _, word := range []string{"platform/new", "platform/old", "host port 80/TCP", "2 nodes"} {
		if !strings.Contains(cause.Message, word) {
			t.Errorf("%q does not say %s", cause.Message, word)
		}
	}
}

// Two DaemonSets of one commit that want one host port of the same nodes are refused, unless they did so before: then
// the commit may mend something else.
func TestTwoDaemonSetsOfOneCommitThatWantOnePort(t *testing.T) {
	http := ofPort(corev1.ContainerPort{HostPort: 80})
	a, b := podtest.Daemon("a", http), podtest.Daemon("b", http)
	nodes := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{"pool": "a"}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "n2"}}}
	if found, clashes := Rivals(Claimant{Next: a}, Claimant{Next: b, Current: podtest.Daemon("b", nil)},
		nodes); !clashes || len(found.Nodes) != 2 {
		t.Errorf("%+v", found)
	}
	if found, clashes := Rivals(Claimant{Next: a, Current: a}, Claimant{Next: b, Current: b}, nodes); clashes {
		t.Errorf("they wanted it before: %+v", found)
	}
	a.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "a"}
	if found, _ := Rivals(Claimant{Next: a}, Claimant{Next: b}, nodes); !slices.Equal(found.Nodes, []string{"n1"}) {
		t.Errorf("%+v", found)
	}
	b.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "b"}
	if found, clashes := Rivals(Claimant{Next: a}, Claimant{Next: b}, nodes); clashes {
		t.Errorf("no node is both's: %+v", found)
	}
}
