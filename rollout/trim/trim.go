package trim

import (
	"strings"
	"unique"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What is kept of the objects that there are many of. Everything else would be memory for nothing, and may be a secret
// that has no business here, such as a container's environment. That Judge says the same of what is kept as of the
// whole is held by a test over the recorded rollouts.

// maxMessage is how much of an Event's or a container's message is kept, in bytes.
const maxMessage = 1024

// Node keeps what decides whether a node is eligible, healthy and large enough. Heartbeats are left out, so two
// nodes that differ in nothing else are equal.
func Node(n *corev1.Node) *corev1.Node {
	kept := &corev1.Node{ObjectMeta: Meta(n.ObjectMeta)}
	kept.Spec = corev1.NodeSpec{Unschedulable: n.Spec.Unschedulable, Taints: n.Spec.Taints}
	kept.Status.Allocatable = n.Status.Allocatable
	kept.Status.NodeInfo.BootID = n.Status.NodeInfo.BootID
	kept.Status.DeclaredFeatures = n.Status.DeclaredFeatures
	for _, c := range n.Status.Conditions {
		// the others are true when something is wrong
		if c.Type == corev1.NodeReady || c.Status != corev1.ConditionFalse {
			kept.Status.Conditions = append(kept.Status.Conditions, corev1.NodeCondition{Type: c.Type, Status: c.Status,
				LastTransitionTime: c.LastTransitionTime, Reason: intern(c.Reason), Message: intern(c.Message)})
		}
	}
	return kept
}

// Revision keeps what tells which template a ControllerRevision has.
func Revision(r *appsv1.ControllerRevision) *appsv1.ControllerRevision {
	return &appsv1.ControllerRevision{ObjectMeta: Meta(r.ObjectMeta), Data: r.Data, Revision: r.Revision}
}

// Meta keeps what tells an object from others, its labels, its owner and its times.
func Meta(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: m.Name, Namespace: intern(m.Namespace), UID: m.UID, Labels: m.Labels, OwnerReferences: m.OwnerReferences,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp,
		DeletionGracePeriodSeconds: m.DeletionGracePeriodSeconds, Finalizers: m.Finalizers,
	}
}

// Event keeps what an Event says, about what, and when.
func Event(e *corev1.Event) *corev1.Event {
	about := e.InvolvedObject
	kept := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: e.Name, Namespace: intern(e.Namespace),
			CreationTimestamp: e.CreationTimestamp},
		InvolvedObject: corev1.ObjectReference{Kind: intern(about.Kind), Namespace: intern(about.Namespace),
			Name: about.Name, UID: about.UID,
			FieldPath: about.FieldPath},
		Reason: intern(e.Reason), Type: intern(e.Type), Count: e.Count, FirstTimestamp: e.FirstTimestamp,
		LastTimestamp: e.LastTimestamp,
		EventTime:     e.EventTime, Series: e.Series, Source: e.Source, ReportingController: e.ReportingController,
	}
	if isEvidence(e) || e.Reason == "Killing" { // whose message tells one kind from the other
		kept.Message = cut(e.Message)
	}
	return kept
}

// cut keeps the beginning of a text.
func cut(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

// intern has equal texts, of which there are thousands, stand in memory once.
func intern(s string) string { return unique.Make(s).Value() }

// Nodes trims nodes. Most of those of one type are alike, so they share what is equal: nobody changes it.
type Nodes struct{ alike map[string]*corev1.Node }

// mostTypes is for how many types a node is remembered that others may be like.
const mostTypes = 200

// Trim is called by one goroutine at a time.
func (t *Nodes) Trim(n *corev1.Node) *corev1.Node {
	kept := Node(n)
	kept.Labels = labelsOnce(n)
	of := kept.Labels[corev1.LabelInstanceTypeStable]
	like := t.alike[of]
	if like == nil || !equality.Semantic.DeepEqual(like.Status.Allocatable, kept.Status.Allocatable) {
		if t.alike == nil || len(t.alike) >= mostTypes {
			t.alike = map[string]*corev1.Node{}
		}
		t.alike[of] = kept // the last one: nodes are often replaced by better ones
		return kept
	}
	kept.Status.Allocatable = like.Status.Allocatable
	share(&kept.Status.DeclaredFeatures, like.Status.DeclaredFeatures)
	share(&kept.Spec.Taints, like.Spec.Taints)
	return kept
}

// labelsOnce are a node's labels, of which the keys, and most values, are those of thousands of nodes.
func labelsOnce(n *corev1.Node) map[string]string {
	labels := make(map[string]string, len(n.Labels))
	for key, value := range n.Labels {
		if value == n.Name { // as of its host name
			value = n.Name
		} else {
			value = intern(value)
		}
		labels[intern(key)] = value
	}
	return labels
}

// Pods trims the pods of DaemonSets. Most of those of one revision are alike, so they share what is equal.
type Pods struct{ alike map[revision]*corev1.Pod }

// revision is what pods that are alike have in common.
type revision struct {
	owner types.UID
	hash  string
}

// mostAlike is for how many revisions a pod is remembered that others may be like.
const mostAlike = 2000

// Trim is called by one goroutine only, that of the watch.
func (t *Pods) Trim(p *corev1.Pod) *corev1.Pod {
	kept := Pod(p)
	of := revision{hash: kept.Labels[appsv1.ControllerRevisionHashLabelKey]}
	if owner := metav1.GetControllerOfNoCopy(kept); owner != nil {
		of.owner = owner.UID
	}
	like := t.alike[of]
	if like == nil {
		if t.alike == nil || len(t.alike) >= mostAlike {
			t.alike = map[revision]*corev1.Pod{}
		}
		t.alike[of] = kept
		return kept
	}
	share(&kept.Labels, like.Labels)
	share(&kept.Spec.TerminationGracePeriodSeconds, like.Spec.TerminationGracePeriodSeconds)
	share(&kept.Spec.Priority, like.Spec.Priority)
	share(&kept.OwnerReferences, like.OwnerReferences)
	share(&kept.Spec.Containers, like.Spec.Containers)
	share(&kept.Spec.InitContainers, like.Spec.InitContainers)
	return kept
}

// share has a value stand on the memory of an equal one.
func share[T any](value *T, like T) {
	if equality.Semantic.DeepEqual(*value, like) {
		*value = like
	}
}
