package judge

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// fleet is a cluster for stories: nodes, one DaemonSet, and what a commit does to it.
type fleet struct {
	t       testing.TB
	now     time.Time
	ds      *appsv1.DaemonSet
	revs    []*appsv1.ControllerRevision
	nodes   []*corev1.Node
	pods    []*corev1.Pod
	events  []*corev1.Event
	missing []string
	target  rollout.Target
	options rollout.Options
	memory  rollout.Memory
	made    int
}

var fleetEpoch = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// newFleet has so many nodes, node-1 and on, each with a settled pod of the first commit, and no later one applied.
func newFleet(t testing.TB, nodes int) *fleet {
	f := &fleet{t: t, now: fleetEpoch, options: rollout.Options{NoProof: true}} // proof has stories of its own
	one, zero := intstr.FromInt32(1), intstr.FromInt32(0)
	f.ds = &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agent", UID: "ds",
			CreationTimestamp: metav1.NewTime(f.now)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent"}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent",
					Image: "registry.example.com/agent:v1"}}},
			},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &one, MaxSurge: &zero}},
		},
	}
	for i := range nodes {
		f.addNode(fmt.Sprintf("node-%d", i+1))
	}
	f.apply(func(*appsv1.DaemonSet) {})
	for _, n := range f.nodes {
		f.ready(f.newPod(n.Name))
	}
	f.after(time.Hour)
	return f
}

func (f *fleet) after(d time.Duration) *fleet { f.now = f.now.Add(d); return f }

func (f *fleet) addNode(name string) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(f.now),
			Labels: map[string]string{"pool": "a"}},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue,
				LastTransitionTime: metav1.NewTime(f.now)}},
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("2"), "memory": resource.MustParse("4Gi")},
			NodeInfo:    corev1.NodeSystemInfo{BootID: name + "-boot-1"},
		},
	}
	f.nodes = append(f.nodes, n)
	return n
}

func (f *fleet) node(name string) *corev1.Node {
	i := slices.IndexFunc(f.nodes, func(n *corev1.Node) bool { return n.Name == name })
	return f.nodes[i]
}

// setReady has a node become ready, or not.
func (f *fleet) setReady(name string, ready bool) {
	n := f.node(name)
	c := &n.Status.Conditions[0]
	c.LastTransitionTime = metav1.NewTime(f.now)
	c.Status, n.Spec.Taints = corev1.ConditionTrue, nil
	if !ready {
		at := metav1.NewTime(f.now)
		c.Status = corev1.ConditionUnknown
		n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule,
			TimeAdded: &at}}
	}
}

// apply is a commit: a new generation, its revision, and the controller's having seen it.
func (f *fleet) apply(change func(*appsv1.DaemonSet)) *fleet {
	f.change(change)
	f.observe()
	f.target = rollout.Target{Namespace: f.ds.Namespace, Name: f.ds.Name, UID: f.ds.UID, Generation: f.ds.Generation,
		AppliedAt: f.now, HadNodes: f.ds.Generation > 1}
	f.memory = rollout.Memory{}
	return f
}

// image is a commit that asks for another image.
func (f *fleet) image(tag string) *fleet {
	return f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:" + tag
	})
}

// change writes the DaemonSet, which nobody has observed yet.
func (f *fleet) change(change func(*appsv1.DaemonSet)) {
	f.ds = f.ds.DeepCopy()
	f.ds.Generation++
	change(f.ds)
}

// observe is the controller at work: the revision of the template, and its status.
func (f *fleet) observe() {
	f.ds = f.ds.DeepCopy()
	f.ds.Status.ObservedGeneration = f.ds.Generation
	number := int64(len(f.revs) + 1)
	for _, r := range f.revs {
		number = max(number, r.Revision+1)
	}
	template, err := json.Marshal(f.ds.Spec.Template)
	if err != nil {
		f.t.Fatal(err)
	}
	hash := fmt.Sprintf("h%d", len(f.revs)+1)
	for i, r := range f.revs {
		if t, _ := fact.TemplateOf(r); t != nil && jsonText(t) == string(template) {
			f.revs = slices.Clone(f.revs)
			f.revs[i] = r.DeepCopy()
			f.revs[i].Revision = number
			return
		}
	}
	f.revs = append(f.revs, &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Name: "agent-" + hash, Labels: map[string]string{fact.HashLabel: hash},
			OwnerReferences: f.owner(), CreationTimestamp: metav1.NewTime(f.now)},
		Revision: number,
		Data: runtime.RawExtension{Raw: []byte(`{"spec":{"template":` + string(template[:len(template)-1]) +
			`,"$patch":"replace"}}}`)},
	})
}

func jsonText(v any) string { raw, _ := json.Marshal(v); return string(raw) }

func (f *fleet) owner() []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: f.ds.Name, UID: f.ds.UID,
		Controller: &yes}}
}

// newPod makes a pod of the live template for a node: bound, and about to be pulled.
func (f *fleet) newPod(node string) *corev1.Pod {
	f.made++
	current, _ := fact.CurrentRevision(f.ds, f.revs)
	no := false
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.ds.Namespace, Name: fmt.Sprintf("agent-%d", f.made),
			UID:    types.UID(fmt.Sprintf("pod-%d", f.made)),
			Labels: map[string]string{fact.HashLabel: current.Hash}, OwnerReferences: f.owner(),
			CreationTimestamp: metav1.NewTime(f.now)},
		Spec: *f.ds.Spec.Template.Spec.DeepCopy(),
		Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(f.now)},
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(f.now)},
		}},
	}
	p.Spec.NodeName = node
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: c.Name,
			Image: c.Image, Started: &no,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}})
	}
	f.pods = append(f.pods, p)
	return p
}

// replace is the controller's replacing a node's pods by a new one.
func (f *fleet) replace(node string) *corev1.Pod {
	f.gone(node)
	return f.newPod(node)
}

// gone takes a node's pods away.
func (f *fleet) gone(node string) {
	f.pods = slices.DeleteFunc(slices.Clone(f.pods), func(p *corev1.Pod) bool { return fact.TargetNode(p) == node })
}

func (f *fleet) pod(node string) *corev1.Pod {
	i := slices.IndexFunc(f.pods, func(p *corev1.Pod) bool { return fact.TargetNode(p) == node })
	return f.pods[i]
}

func (f *fleet) condition(p *corev1.Pod, kind corev1.PodConditionType, status corev1.ConditionStatus, reason,
	message string) {
	c := fact.PodCondition(p, kind)
	if c.Status != status {
		c.LastTransitionTime = metav1.NewTime(f.now)
	}
	c.Status, c.Reason, c.Message = status, reason, message
}

// ready has a pod's first container start, and the pod become Ready.
func (f *fleet) ready(p *corev1.Pod) *corev1.Pod {
	f.runs(p)
	p.Status.ContainerStatuses[0].Ready = true
	f.condition(p, corev1.PodReady, corev1.ConditionTrue, "", "")
	return p
}

// runs has a pod's first container run without being Ready.
func (f *fleet) runs(p *corev1.Pod) *corev1.Pod {
	yes := true
	c := &p.Status.ContainerStatuses[0]
	if c.State.Terminated != nil || c.LastTerminationState.Terminated != nil {
		c.RestartCount++
	}
	if c.State.Terminated != nil {
		c.LastTerminationState = c.State
	}
	p.Status.Phase = corev1.PodRunning
	c.Started, c.State = &yes, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(f.now)}}
	return p
}

// ends has a pod's first container end.
func (f *fleet) ends(p *corev1.Pod, code int32, reason string) *corev1.Pod {
	c := &p.Status.ContainerStatuses[0]
	started := metav1.NewTime(f.now)
	if c.State.Running != nil {
		started = c.State.Running.StartedAt
	}
	c.Ready, c.State = false, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code,
		Reason:    reason,
		StartedAt: started, FinishedAt: metav1.NewTime(f.now)}}
	p.Status.Phase = corev1.PodRunning
	f.condition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
	return p
}

// waits has a pod's first container wait.
func (f *fleet) waits(p *corev1.Pod, reason, message string) *corev1.Pod {
	c := &p.Status.ContainerStatuses[0]
	if c.State.Terminated != nil {
		c.LastTerminationState = c.State
	}
	c.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	return p
}

// terminate has a pod begin to go, with a grace of 30 s.
func (f *fleet) terminate(p *corev1.Pod) *corev1.Pod {
	at := metav1.NewTime(f.now.Add(30 * time.Second))
	grace := int64(30)
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &at, &grace
	return p
}

// event is an Event that is seen now; of one that was seen before, once more.
func (f *fleet) event(about metav1.Object, kind, reason, message string) {
	i := slices.IndexFunc(f.events, func(e *corev1.Event) bool {
		return e.InvolvedObject.UID == about.GetUID() && e.Reason == reason && e.Message == message
	})
	if i >= 0 {
		f.events[i].Count++
		f.events[i].LastTimestamp = metav1.NewTime(f.now)
		return
	}
	f.events = append(f.events, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("e%d", len(f.events))},
		InvolvedObject: corev1.ObjectReference{Kind: kind, UID: about.GetUID(), Name: about.GetName()},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message, Count: 1,
		FirstTimestamp: metav1.NewTime(f.now), LastTimestamp: metav1.NewTime(f.now),
	})
}

func (f *fleet) look() rollout.Look {
	return rollout.Look{Now: f.now, DaemonSet: f.ds, Revisions: f.revs, Pods: f.pods, Nodes: f.nodes, Events: f.events,
		Missing: f.missing}
}

// judge judges this moment; the memory goes through its storage before.
func (f *fleet) judge() rollout.Judgement {
	f.t.Helper()
	var j rollout.Judgement
	j, f.memory = bothWays(f.look(), f.target, overAgain(f.t, f.memory), f.options)
	return j
}

// want judges this moment and holds the verdict, and the leading cause if one is named.
func (f *fleet) want(verdict rollout.Verdict, code ...rollout.Code) rollout.Judgement {
	f.t.Helper()
	j := f.judge()
	if j.Verdict != verdict {
		f.t.Fatalf("%s, want %s\n%s", j.Verdict, verdict, plain(j))
	}
	if len(code) > 0 && (len(j.Causes) == 0 || j.Causes[0].Code != code[0]) {
		f.t.Fatalf("want cause %s\n%s", code[0], plain(j))
	}
	if len(code) == 0 && len(j.Causes) > 0 {
		f.t.Fatalf("want no cause\n%s", plain(j))
	}
	return j
}

// wakesAt holds that the next look is asked for at the instant at which something changes by time alone.
func (f *fleet) wakesIn(j rollout.Judgement, d time.Duration) {
	f.t.Helper()
	if want := f.now.Add(d); !j.Wake.Equal(want) {
		f.t.Errorf("wakes in %s, want %s", j.Wake.Sub(f.now), d)
	}
}

func leases(renewed time.Time, nodes ...string) []*coordinationv1.Lease {
	var list []*coordinationv1.Lease
	for _, n := range nodes {
		at := metav1.NewMicroTime(renewed)
		list = append(list, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n},
			Spec: coordinationv1.LeaseSpec{RenewTime: &at}})
	}
	return list
}
