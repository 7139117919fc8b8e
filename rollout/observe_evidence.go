package rollout

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
)

// evidence is Events by the object that they are about: only those that can explain why a pod is missing or not ready.
type evidence map[types.UID][]*corev1.Event

// about returns the Events of a DaemonSet and its pods.
func (v evidence) about(d *appsv1.DaemonSet, pods []*corev1.Pod) []*corev1.Event {
	var list []*corev1.Event
	if d != nil {
		list = append(list, v[d.UID]...)
	}
	for _, p := range pods {
		list = append(list, v[p.UID]...)
	}
	return list
}

// put takes a new or changed Event and reports whether that is news. An image that was pulled takes away the beginning
// of the pull that it answers: a rollout that goes well leaves nothing here.
func (v evidence) put(event *corev1.Event) (news bool) {
	uid := event.InvolvedObject.UID
	if endsPull(event) {
		return v.remove(uid, func(old *corev1.Event) bool { return isAnsweredBy(old, event) })
	}
	if !isEvidence(event) {
		return false
	}
	events := v[uid]
	i := slices.IndexFunc(events, func(old *corev1.Event) bool { return old.Name == event.Name })
	if i < 0 {
		v[uid] = append(events, event)
		return true
	}
	news = !equality.Semantic.DeepEqual(events[i], event)
	events[i] = event
	return news
}

// putAll takes Events that come in no order: answers after their questions.
func (v evidence) putAll(events []*corev1.Event) {
	for _, answers := range []bool{false, true} {
		for _, e := range events {
			if endsPull(e) == answers {
				v.put(e)
			}
		}
	}
}

func (v evidence) remove(uid types.UID, which func(*corev1.Event) bool) (news bool) {
	before := len(v[uid])
	if before == 0 {
		return false
	}
	v[uid] = slices.DeleteFunc(v[uid], which)
	left := len(v[uid])
	if left == 0 {
		delete(v, uid)
	}
	return left != before
}

// isEvidence reports whether an Event can explain why a pod is missing or not ready. Of the normal ones only an image
// pull that has begun, a container that was killed for its probe's sake, and a preemption can.
func isEvidence(e *corev1.Event) bool {
	if e.InvolvedObject.Kind != "Pod" && e.InvolvedObject.Kind != "DaemonSet" {
		return false
	}
	switch {
	case e.Type != corev1.EventTypeNormal, e.Reason == "Pulling", e.Reason == "Preempted", e.Reason == "Preempting":
		return true
	case e.Reason == "Killing":
		return !strings.HasPrefix(e.Message, "Stopping container") // which every replaced pod has
	}
	return false
}

// endsPull reports whether an Event says that an image is there.
func endsPull(e *corev1.Event) bool { return e.Reason == "Pulled" && e.InvolvedObject.Kind == "Pod" }

// isAnsweredBy reports whether an Event is the beginning of the pull that another one ends.
func isAnsweredBy(e, pulled *corev1.Event) bool {
	return e.Reason == "Pulling" && e.InvolvedObject.FieldPath == pulled.InvolvedObject.FieldPath &&
		!e.LastTimestamp.After(pulled.LastTimestamp.Time)
}
