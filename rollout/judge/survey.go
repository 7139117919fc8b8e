package judge

import (
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// survey is one look, gone through: what Judge works on. It lives for one call.
type survey struct {
	look    rollout.Look
	target  rollout.Target
	before  rollout.Memory // of the look before
	memory  rollout.Memory // for the next one
	options rollout.Options
	now     time.Time

	live     *appsv1.DaemonSet // nil if there is none
	revision fact.Revision     // of the commit's template; no hash: nothing counts yet
	wish     fact.Eligibility
	minReady time.Duration
	brake    brake

	predecessors []predecessor

	sites      []site   // sorted by name
	beyond     []string // nodes that were failing before and count, because too many were
	alone      []string // late nodes and those that were failing before, which count because no other node does
	oldPods    int      // of other templates, anywhere, and not over yet
	events     fact.Events
	refusal    refusal               // the DaemonSet's FailedCreate Events
	rejections map[string]fact.Trace // its Events about pods that are over, by node
	refused    map[string]corev1.Event
	endings    map[string]rollout.Ending // how pods of the template ended, by node
	crowded    *crowd                    // what stands on the nodes; nil until somebody asks
	readClocks []string                  // nodes whose clocks nobody has read lately
	measured   int                       // nodes of which it was found out what they are short of
	wake       time.Time
}

// newSurvey reads what does not depend on single nodes.
func newSurvey(l rollout.Look, t rollout.Target, m rollout.Memory, o rollout.Options) *survey {
	s := &survey{look: l, target: t, before: m, memory: nextMemory(m), options: o.WithDefaults(), now: l.Now, live: l.DaemonSet}
	if s.memory.First.IsZero() {
		s.memory.First = s.now
	}
	if s.live != nil && t.UID != "" && s.live.UID != "" && s.live.UID != t.UID {
		s.live = nil // another one of the same name
	}
	if s.live != nil {
		s.memory.Seen = true
		s.wish = fact.EligibilityOf(&s.live.Spec.Template)
		s.minReady = time.Duration(s.live.Spec.MinReadySeconds) * time.Second
		s.brake = brakeOf(s.live)
		s.predecessors = predecessors(l, t)
	}
	s.events = fact.EventsByObject(l.Events, s.now)
	return s
}

// offline reports whether nobody knows when the commit was applied: a dump is judged by the objects' own times.
func (s *survey) offline() bool { return s.target.AppliedAt.IsZero() }

// wakeAt asks for a look at an instant, if it is still to come.
func (s *survey) wakeAt(t time.Time) {
	if t.After(s.now) && (s.wake.IsZero() || t.Before(s.wake)) {
		s.wake = t
	}
}

// since is when a symptom began: the earliest of what is known of it, but not before the apply. A symptom of which
// nothing is known began when it was first seen, which is remembered; so is one whose known times move.
func (s *survey) since(code rollout.Code, node string, moves bool, known ...time.Time) time.Time {
	key := string(code) + "/" + node
	seen, began := s.before.Since[key], time.Time{}
	for _, t := range append(known, seen) {
		if !t.IsZero() && !t.After(s.now) && (began.IsZero() || t.Before(began)) {
			began = t
		}
	}
	if began.IsZero() {
		began, moves = s.now, true
	}
	began = fact.Latest(began, s.target.AppliedAt)
	if began.After(s.now) {
		began = s.now
	}
	if moves || !seen.IsZero() {
		s.rememberSince(key, began)
	}
	return began
}

// namesWhere are the names of the nodes that satisfy a condition, sorted.
func namesWhere(s *survey, which func(*site) bool) []string {
	var names []string
	for i := range s.sites {
		if which(&s.sites[i]) {
			names = append(names, s.sites[i].name)
		}
	}
	return names
}

// crowd is what stands on the nodes, sorted once per look and only if somebody asks.
func (s *survey) crowd() *crowd {
	if s.crowded == nil {
		s.crowded = newCrowd(s.look.Pods, s.look.Others)
	}
	return s.crowded
}

// siteOf finds a node's site, nil if the look has none.
func (s *survey) siteOf(name string) *site {
	i, found := slices.BinarySearchFunc(s.sites, name, func(at site, name string) int { return strings.Compare(at.name, name) })
	if !found {
		return nil
	}
	return &s.sites[i]
}

// container is the template's container of a name, nil if it has none such.
func (s *survey) container(name string) *corev1.Container {
	spec := &s.live.Spec.Template.Spec
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// traceOf gathers an object's Events that satisfy a condition.
func (s *survey) traceOf(uid types.UID, which func(*corev1.Event) bool) fact.Trace {
	var t fact.Trace
	for _, e := range s.events[uid] {
		if which(e) {
			t.Add(e, s.now)
		}
	}
	return t
}
