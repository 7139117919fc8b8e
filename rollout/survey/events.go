package survey

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout/fact"
)

// eventIndex is the Events of a look by the object that they are about.
type eventIndex struct {
	at      time.Time // of the look
	all     column[corev1.Event]
	byUID   map[types.UID]int32
	groups  [][]*corev1.Event
	chain   chain
	early   map[int32]bool     // groups with Events that had not happened by the last look
	changed map[types.UID]bool // since the sites were last gone through
}

// renew takes the Events of the next look. Those that have not happened by then are left out.
func (x *eventIndex) renew(s *Survey, events []*corev1.Event) {
	if s.now.Before(x.at) || len(x.byUID) > 1000 && len(x.byUID) > 4*len(events) {
		*x = eventIndex{} // it knows of what has not happened yet, or most of what it knows of is gone
		s.cache.known = false
	}
	x.at = s.now
	if x.byUID == nil {
		x.byUID, x.early, x.changed = map[types.UID]int32{}, map[int32]bool{}, map[types.UID]bool{}
	}
	come, gone := x.all.renew(events)
	stale := x.early
	x.early = map[int32]bool{}
	for _, e := range gone {
		stale[e.of], x.changed[e.object.InvolvedObject.UID] = true, true
	}
	for _, k := range come {
		n := x.number(events[k].InvolvedObject.UID)
		x.all.of[k], stale[n] = n, true
	}
	if len(stale) == 0 {
		return
	}
	x.chain.link(x.all.of, len(x.groups))
	for n := range stale {
		x.regroup(s, n)
	}
}

func (x *eventIndex) number(uid types.UID) int32 {
	n, known := x.byUID[uid]
	if !known {
		n = int32(len(x.groups))
		x.byUID[uid], x.groups = n, append(x.groups, nil)
	}
	return n
}

// regroup gathers the Events of one object again.
func (x *eventIndex) regroup(s *Survey, n int32) {
	var group []*corev1.Event
	x.chain.each(n, func(place int32) {
		e := x.all.objects[place]
		x.changed[e.InvolvedObject.UID] = true
		if fact.FirstSeen(e).After(s.now) {
			x.early[n] = true
			return
		}
		group = append(group, e)
	})
	x.groups[n] = group
}

// EventsOf are the Events of the look about one object, as far as they had happened by then.
func (s *Survey) EventsOf(uid types.UID) []*corev1.Event {
	x := &s.cache.events
	if n, known := x.byUID[uid]; known {
		return x.groups[n]
	}
	return nil
}

// EachEvent calls a function with every Event of the look that had happened by then.
func (s *Survey) EachEvent(call func(*corev1.Event)) {
	for _, e := range s.Look.Events {
		if !fact.FirstSeen(e).After(s.now) {
			call(e)
		}
	}
}
