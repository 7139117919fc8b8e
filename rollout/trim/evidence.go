package trim

import (
	"cmp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout/fact"
)

// Evidence is Events by the object that they are about: only those that can explain why a pod is missing or not ready.
type Evidence map[types.UID][]*corev1.Event

// About returns the Events of a DaemonSet and its pods.
func (v Evidence) About(d *appsv1.DaemonSet, pods []*corev1.Pod) []*corev1.Event {
	var list []*corev1.Event
	if d != nil {
		list = append(list, v[d.UID]...)
	}
	for _, p := range pods {
		list = append(list, v[p.UID]...)
	}
	return list
}

// Put takes a new or changed Event and reports whether that is news. Of what a container comes through on its way up
// only the last step is kept, and none once it has started: a rollout that goes well leaves nothing here.
func (v Evidence) Put(event *corev1.Event) (news bool) {
	uid := event.InvolvedObject.UID
	if step(event) > 0 {
		news = v.Remove(uid, func(old *corev1.Event) bool {
			return step(old) > 0 && old.Name != event.Name &&
				old.InvolvedObject.FieldPath == event.InvolvedObject.FieldPath
		})
	}
	if !isEvidence(event) {
		return news
	}
	events := v[uid]
	i := slices.IndexFunc(events, func(old *corev1.Event) bool { return old.Name == event.Name })
	if i < 0 {
		v[uid] = append(events, event)
		return true
	}
	news = news || !equality.Semantic.DeepEqual(events[i], event)
	events[i] = event
	return news
}

// PutAll takes Events that come in no order.
func (v Evidence) PutAll(events []*corev1.Event) {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b *corev1.Event) int {
		aLast, _ := fact.LastSeen(a, fact.EndOfTime)
		bLast, _ := fact.LastSeen(b, fact.EndOfTime)
		return cmp.Or(aLast.Compare(bLast), cmp.Compare(step(a), step(b)))
	})
	for _, e := range events {
		v.Put(e)
	}
}

// Remove forgets Events about an object and reports whether there were any.
func (v Evidence) Remove(uid types.UID, which func(*corev1.Event) bool) (news bool) {
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

// isEvidence reports whether an Event can explain why a pod is missing or not ready, or that it is on its way. Most
// normal ones cannot.
func isEvidence(e *corev1.Event) bool {
	if e.InvolvedObject.Kind != "Pod" && e.InvolvedObject.Kind != "DaemonSet" {
		return false
	}
	switch e.Reason {
	case "Pulling", "Pulled", "Created", "BackOff", "Preempted", "Preempting":
		return true
	case "Killing":
		return !strings.HasPrefix(e.Message, "Stopping container") // which every replaced pod has
	}
	return e.Type != corev1.EventTypeNormal
}

// step numbers what a container comes through on its way up; 0 for anything else.
func step(e *corev1.Event) int {
	if e.InvolvedObject.Kind != "Pod" {
		return 0
	}
	return 1 + slices.Index([]string{"Pulling", "Pulled", "Created", "Started"}, e.Reason)
}
