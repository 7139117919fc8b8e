package judge

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// Who holds a host port is named wherever a dump has the pod, also one of a single namespace, and advised is what helps
// against that holder: a DaemonSet beside it may be handed over.
func TestWhoHoldsAHostPortIsNamed(t *testing.T) {
	owned := func(kind, name string) func(*corev1.Pod) {
		yes := true
		return func(p *corev1.Pod) {
			podtest.Port("", corev1.ProtocolTCP, 9100)(p)
			p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, UID: "another", Controller: &yes}}
		}
	}
	for name, c := range map[string]struct {
		holder        *corev1.Pod
		says, advises string
	}{
		"the DaemonSet of the old name": {podtest.With(podtest.PodOn("node-1", "platform/old-x", ""),
			owned("DaemonSet", "old")),
			"held by platform/old-x", "put the annotation daemongate.io/replaces: old on agent"},
		"one that is on its way out": {podtest.With(podtest.PodOn("node-1", "platform/old-x", ""), func(p *corev1.Pod) {
			owned("DaemonSet", "old")(p)
			p.DeletionTimestamp = &metav1.Time{}
		}), "held by platform/old-x", "is being deleted"},
		"a DaemonSet of another namespace": {podtest.With(podtest.PodOn("node-1", "monitoring/exporter-x", ""),
			owned("DaemonSet", "exporter")),
			"held by monitoring/exporter-x", "keep them to different nodes"},
		"a Deployment's": {podtest.With(podtest.PodOn("node-1", "platform/web-x", ""), owned("ReplicaSet", "web")),
			"held by platform/web-x", "of ReplicaSet web holds host port 9100/TCP"},
		"nobody's": {podtest.With(podtest.PodOn("node-1", "platform/x", ""),
			podtest.Port("", corev1.ProtocolTCP, 9100)), "held by platform/x", "Pod platform/x holds"},
		"one of another node": {podtest.With(podtest.PodOn("node-2", "platform/x", ""),
			podtest.Port("", corev1.ProtocolTCP, 9100)), "which is taken", "find it"},
		"one on another port": {podtest.With(podtest.PodOn("node-1", "platform/x", ""),
			podtest.Port("", corev1.ProtocolTCP, 9200)), "which is taken", "find it"},
		"one that has ended": {podtest.With(podtest.PodOn("node-1", "platform/x", ""), func(p *corev1.Pod) {
			podtest.Port("", corev1.ProtocolTCP, 9100)(p)
			p.Status.Phase = corev1.PodSucceeded
		}), "which is taken", "find it"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 1).apply(func(d *appsv1.DaemonSet) {
				d.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 9100, ContainerPort: 80}}
			})
			p := f.replace("node-1")
			f.pending(p, "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "+
				"preemption: none")
			l := f.look()
			l.Others = rollout.Others{Pods: []*corev1.Pod{c.holder, p},
				Missing: []rollout.Unknown{{Kind: rollout.KindPods, Why: "a dump of one namespace"}}}
			j, _ := bothWays(l, f.target, f.memory, f.options)
			if len(j.Causes) != 1 || !strings.Contains(j.Causes[0].Message, c.says) ||
				!strings.Contains(j.Causes[0].Remedy, c.advises) {
				t.Errorf("%s", plain(j))
			}
			if known := strings.Contains(c.says, "held by"); known != (len(j.Causes[0].Relief) == 0) {
				t.Errorf("said not to be known although it is: %+v", j.Causes[0].Relief)
			}
		})
	}
}
