// Package survey is one look, gone through: what each node is to the rollout, what runs there, and what was found out
// about it. The judge fills it, the causes read it. What the next look must know is written in one file, remember.go.
package survey

import (
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
)

// Survey is one look, gone through: what Judge works on. It lives for one call.
type Survey struct {
	Look    rollout.Look
	Target  rollout.Target
	Options rollout.Options
	notes
	total
	cache *Cache

	Live     *appsv1.DaemonSet // nil if there is none
	Revision fact.Revision     // of the commit's template; no hash: nothing counts yet
	Wish     fact.Eligibility
	MinReady time.Duration
	Brake    brake

	Predecessors []Predecessor

	Sites      []Site                    // sorted by name
	Beyond     []string                  // nodes that were failing before and count, because too many were
	Alone      []string                  // late ones, and such, that count because no other node does
	refusal    Refusal                   // the DaemonSet's FailedCreate Events
	Rejections map[string]fact.Trace     // its Events about pods that are over, by node
	Refused    map[string]Said           // what is said against the last pod that a node turned away
	Endings    map[string]rollout.Ending // how pods of the template ended, by node
	crowded    *room.Crowd               // what stands on the nodes; nil until somebody asks
}

// New reads what does not depend on single nodes. What has not changed since the survey that left the cache is taken
// from there; nil is no cache.
func New(c *Cache, l rollout.Look, t rollout.Target, m rollout.Memory, o rollout.Options) *Survey {
	s := &Survey{Look: l, Target: t, Options: o.WithDefaults(), Live: l.DaemonSet,
		notes: notes{clock: clock{now: l.Now}, Before: m, memory: NextMemory(m)}}
	if s.memory.First.IsZero() {
		s.memory.First = s.now
	}
	if s.Live != nil && t.UID != "" && s.Live.UID != "" && s.Live.UID != t.UID {
		s.Live = nil // another one of the same name
	}
	if s.Live != nil {
		s.memory.Seen = true
		s.Wish = fact.EligibilityOf(&s.Live.Spec.Template)
		s.MinReady = time.Duration(s.Live.Spec.MinReadySeconds) * time.Second
		s.Brake = brakeOf(s.Live)
		s.Predecessors = predecessors(l, t)
	}
	s.use(c)
	return s
}

// Offline reports whether nobody knows when the commit was applied: a dump is judged by the objects' own times.
func (s *Survey) Offline() bool { return s.Target.AppliedAt.IsZero() }

// Since is when a symptom began: the earliest of what is known of it, but not before the apply. A symptom of which
// nothing is known began when it was first seen, which is remembered; so is one whose known times move.
func (s *Survey) Since(code rollout.Code, node string, moves bool, known ...time.Time) time.Time {
	key := string(code) + "/" + node
	if node == "" && s.on != nil {
		s.on.shared = true
	}
	seen, began := s.Before.Since[key], time.Time{}
	for _, t := range append(known, seen) {
		if !t.IsZero() && s.Reached(t) && (began.IsZero() || t.Before(began)) {
			began = t
		}
	}
	if began.IsZero() {
		began, moves = s.Now(), true
	}
	began = fact.Latest(began, s.Target.AppliedAt)
	if !s.Reached(began) {
		began = s.Now()
	}
	if moves || !seen.IsZero() {
		s.rememberSince(key, began)
	}
	return began
}

// NamesWhere are the names of the nodes that satisfy a condition, sorted.
func NamesWhere(s *Survey, which func(*Site) bool) (names []string) {
	for i := range s.Sites {
		if which(&s.Sites[i]) {
			names = append(names, s.Sites[i].Name)
		}
	}
	return names
}

// Crowd is what stands on the nodes, sorted once per look and only if somebody asks.
func (s *Survey) Crowd() *room.Crowd {
	if s.crowded == nil {
		s.crowded = room.NewCrowd(s.Look.Pods, s.Look.Others)
	}
	return s.crowded
}

// SiteOf finds a node's site, nil if the look has none.
func (s *Survey) SiteOf(name string) *Site {
	i, found := slices.BinarySearchFunc(s.Sites, name, func(at Site, name string) int {
		return strings.Compare(at.Name,
			name)
	})
	if !found {
		return nil
	}
	return &s.Sites[i]
}

// Container is the template's container of a name, nil if it has none such.
func (s *Survey) Container(name string) *corev1.Container {
	spec := &s.Live.Spec.Template.Spec
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// TraceOf gathers an object's Events that satisfy a condition.
func (s *Survey) TraceOf(uid types.UID, which func(*corev1.Event) bool) fact.Trace {
	var t fact.Trace
	for _, e := range s.EventsOf(uid) {
		if !which(e) {
			continue
		}
		latest, _ := fact.LastSeen(e, fact.EndOfTime)
		_ = s.Reached(latest) // until then the trace is another
		t.Add(e, s.now)
	}
	return t
}

// Said is what an Event says.
type Said struct{ Reason, Message string }

// SetRefusal notes what the API server says against having pods made.
func (s *Survey) SetRefusal(r Refusal) { s.refusal = r }

// Refusal is what the API server says against having pods made, if it was found.
func (s *Survey) Refusal() *Refusal {
	if s.on != nil {
		s.on.refusal = true
	}
	return &s.refusal
}

// MayMeasure reports whether it is still worth finding out what a node is short of: that is said of a few only.
func (s *notes) MayMeasure() bool {
	may := s.mayMeasure()
	if s.on != nil {
		s.on.asked, s.on.may = true, may
	}
	return may
}

func (s *notes) mayMeasure() bool { return s.measured < rollout.MaxShortfalls }

// HasMeasured counts a node of which that was found out.
func (s *notes) HasMeasured() {
	s.measured++
	if s.on != nil {
		s.on.measured = true
	}
}

// Refusal is what the API server says against having pods made, and what to do about it.
type Refusal struct {
	fact.Trace
	Text, Remedy string
	Untried      bool // it is from before this commit, which has the same template, and nothing was tried since
}
