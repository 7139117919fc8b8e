package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// plainFleet is nodes and their pods as they truly are, and an Observer that shows them. All of it happens at whole
// seconds.
type plainFleet struct {
	Observer // what is not looked at is not there
	*rand.Rand
	now                  time.Time
	template             string // the image that the DaemonSet asks for
	generation, observed int64
	templates            []string // every one that there was
	applied              time.Time
	nodes                map[string]*plainNode
	surges               bool
	braked               string // what the brake was pulled for
}

type plainNode struct {
	made     time.Time
	down     bool
	cordoned bool
	pod      *plainPod
	old      *plainPod // that stands beside the pod, with maxSurge
}

type plainPod struct {
	made  time.Time
	uid   int
	image string
	ready bool
	since time.Time // of the last thing that happened to its container
	ends  int32
}

// commit is the write of a commit, which nobody has observed yet.
func (f *plainFleet) commit(image string) api.Workload {
	if f.template != image {
		f.template, f.braked = image, ""
		f.generation++
	}
	f.applied = f.now
	return api.Workload{Group: "apps", Kind: "DaemonSet", Namespace: "ns", Name: "agent", UID: "ds",
		Generation: f.generation,
		AppliedAt:  metav1.NewMicroTime(f.now), HadNodes: true}
}

// happen lets one thing happen to a node or to its pod.
func (f *plainFleet) happen() {
	f.now = f.now.Add(time.Duration(f.IntN(20)) * time.Second)
	name := fmt.Sprint("node-", f.IntN(5))
	n := f.nodes[name]
	switch k := f.IntN(18); {
	case n == nil:
		f.nodes[name] = &plainNode{made: f.now}
	case k == 0:
		delete(f.nodes, name)
	case k == 1:
		n.down = !n.down
	case k < 5 || n.pod == nil: // what the controller has observed is what it makes
		if f.observed == f.generation {
			if n.old = nil; f.surges && n.pod != nil && n.pod.image != f.template {
				n.old = n.pod
			}
			n.pod = &plainPod{made: f.now, uid: f.Int(), image: f.template, since: f.now}
		}
	case k == 16:
		n.cordoned = !n.cordoned
	case k == 17:
		n.old = nil
	case k == 5:
		n.pod.ready, n.pod.ends, n.pod.since = f.IntN(2) == 0, n.pod.ends+1, f.now
	case k < 8:
		f.observe()
	case !n.pod.ready:
		n.pod.ready, n.pod.since = true, f.now
	}
}

// obey does to the DaemonSet what is ordered about its brake.
func (f *plainFleet) obey(orders []gate.BrakeOrder) (pulled bool) {
	for _, o := range orders {
		if f.generation++; o.Pull {
			f.braked, pulled = manifests.Brake{Commit: f.template, Nodes: o.Nodes}.String(), true
		} else {
			f.braked = ""
		}
	}
	return pulled
}

func (f *plainFleet) observe() {
	if f.observed = f.generation; len(f.templates) == 0 || f.templates[len(f.templates)-1] != f.template {
		f.templates = append(f.templates, f.template)
	}
}

// short says which present node that is not late has no settled pod of an image; empty if none.
func (f *plainFleet) short(image string) string {
	for name, n := range f.nodes {
		p := n.pod
		switch {
		case n.down || n.made.After(f.applied):
		case p == nil || p.image != image || !p.ready || f.now.Sub(p.since) < 10*time.Second || p.ends > 0 &&
			f.now.Sub(p.since) < time.Minute:
			return fmt.Sprintf("%s %+v, pod %+v", name, *n, p)
		}
	}
	return ""
}

func (f *plainFleet) Watch(string, []rollout.Target, func()) {}

func (f *plainFleet) Unwatch(string) {}

func (f *plainFleet) Leases(context.Context) ([]*coordinationv1.Lease, error) {
	var all []*coordinationv1.Lease
	for name, n := range f.nodes {
		if renewed := metav1.NewMicroTime(f.now); !n.down {
			all = append(all, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name},
				Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}})
		}
	}
	return all, nil
}

func (f *plainFleet) Clocks(context.Context, []string) []rollout.Clock { return nil }

// Look shows the fleet as it is.
func (f *plainFleet) Look(rollout.Target) (rollout.Look, bool) {
	yes := true
	owner := []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent", UID: "ds",
		Controller: &yes}}
	labels := map[string]string{"app": "agent"}
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "agent", UID: "ds",
		Generation: f.generation},
		Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template:       podTemplate(f.template, labels),
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType}},
		Status: appsv1.DaemonSetStatus{ObservedGeneration: f.observed}}
	if f.surges {
		d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(1))}
	}
	if f.braked != "" {
		d.Annotations = map[string]string{manifests.BrakeAnnotation: f.braked}
		d.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	}
	look := rollout.Look{Now: f.now, DaemonSet: d}
	for i, image := range f.templates {
		raw := must(json.Marshal(map[string]any{"spec": map[string]any{"template": podTemplate(image, labels)}}))
		look.Revisions = append(look.Revisions, &appsv1.ControllerRevision{Revision: int64(i + 1),
			Data: runtime.RawExtension{Raw: raw},
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: fmt.Sprint("agent-", i), OwnerReferences: owner,
				Labels: map[string]string{"app": "agent", appsv1.DefaultDaemonSetUniqueLabelKey: image}}})
	}
	for name, n := range f.nodes {
		look.Nodes = append(look.Nodes, n.object(name))
		if n.pod != nil {
			look.Pods = append(look.Pods, n.pod.object(name, owner))
		}
		if n.old != nil {
			look.Pods = append(look.Pods, n.old.object(name, owner))
		}
	}
	return look, true
}

func podTemplate(image string, labels map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: image}}}}
}

func (n *plainNode) object(name string) *corev1.Node {
	o := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(n.made)}}
	if n.cordoned {
		o.Spec.Unschedulable = true
		o.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}
	}
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue,
		LastTransitionTime: metav1.NewTime(n.made)}
	if n.down {
		ready.Status = corev1.ConditionFalse
	}
	o.Status.Conditions = []corev1.NodeCondition{ready}
	return o
}

func (p *plainPod) object(node string, owner []metav1.OwnerReference) *corev1.Pod {
	at := metav1.NewTime(p.since)
	status := corev1.ContainerStatus{Name: "agent", Image: p.image, RestartCount: p.ends,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}}
	if p.ends > 0 {
		status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: at}
	}
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: at}
	if p.ready {
		ready.Status = corev1.ConditionTrue
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: fmt.Sprint("agent-", p.uid),
			UID: types.UID(fmt.Sprint(p.uid)), OwnerReferences: owner,
			CreationTimestamp: metav1.NewTime(p.made), Labels: map[string]string{"app": "agent",
				appsv1.DefaultDaemonSetUniqueLabelKey: p.image}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "agent", Image: p.image}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{status},
			Conditions: []corev1.PodCondition{ready, {Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}},
	}
}
