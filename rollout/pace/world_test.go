package pace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/judge"
)

var epoch = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// Figures of the played cluster.
const (
	pullTime = 5 * time.Second // from a pod's being made to its being Ready
	stopTime = 2 * time.Second // from its being evicted to its being gone
)

// world is a played cluster: nodes, DaemonSets with their controller, and agents that live as long as their image says.
type world struct {
	t       testing.TB
	now     time.Time
	nodes   []*corev1.Node
	sets    []*played
	plan    Plan
	options rollout.Options
	made    int

	progress             Progress
	paused, closed, held string
	opens                time.Time
	alerts               string
	firing               bool // it is known that they fire
	rollback             bool
	mends, first         time.Time
	going                map[types.UID]bool
	refused              map[types.UID]string
	last                 Outcome
	lives                map[string]time.Duration // how long an agent of an image lives; for ever if it is not named
	evictions, conflicts int
	lost                 map[string]bool // the nodes on which an agent has died
	jitter               bool            // each node takes a time of its own to pull
	rvs                  int
}

// played is one DaemonSet.
type played struct {
	ds        *appsv1.DaemonSet
	revisions []*appsv1.ControllerRevision
	slots     []*corev1.Pod // the pod on each node, nil if there is none
	due       []time.Time   // when something happens to it; zero if nothing does
	deaths    []int
	stands    []*corev1.Pod // those that are there, as a watch has them
	rolling   bool          // its controller replaces old pods by itself
	braked    bool
	held      bool // Git asks for RollingUpdate, and the world does what is decided about that
	writes    []string
	kept      string // why its strategy cannot be given back; empty if it can
	reached   int    // by the stages that were changed
	target    rollout.Target
	memory    rollout.Memory
	cache     judge.Cache
	judgement rollout.Judgement
}

// newWorld has so many nodes, n001 and on, in zones a, b and c in turn, of which the first ones are labelled as
// canaries, and one DaemonSet of image v1 that has long settled.
func newWorld(t testing.TB, nodes, canaries int) *world {
	w := &world{t: t, now: epoch, options: rollout.Options{NoProof: true}, going: map[types.UID]bool{},
		lives: map[string]time.Duration{}, lost: map[string]bool{}}
	for i := range nodes {
		w.join(fmt.Sprintf("n%03d", i+1), string(rune('a'+i%3)), i < canaries)
	}
	w.addSet("agent")
	return w
}

func (w *world) addSet(name string) *played {
	s := &played{slots: make([]*corev1.Pod, len(w.nodes)), due: make([]time.Time, len(w.nodes)),
		deaths: make([]int, len(w.nodes))}
	s.ds = &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: name, UID: types.UID(name),
			CreationTimestamp: metav1.NewTime(w.now)},
		Spec: appsv1.DaemonSetSpec{
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent"}},
				Tolerations: []corev1.Toleration{{Key: "karpenter.sh/disrupted", Operator: corev1.TolerationOpExists}}}},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType},
		},
	}
	w.sets = append(w.sets, s)
	w.apply(s, "v1")
	w.after(time.Hour)
	w.progress = Progress{}
	return s
}

// join adds a node.
func (w *world) join(name, zone string, canary bool) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(w.now),
		Labels: map[string]string{"zone": zone}}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(w.now)}}}}
	if canary {
		n.Labels["canary"] = "yes"
	}
	w.nodes = append(slices.Clip(w.nodes), n)
	for _, s := range w.sets {
		s.slots, s.due, s.deaths = append(s.slots, nil), append(s.due, time.Time{}), append(s.deaths, 0)
	}
	return n
}

// change replaces a node by a changed one.
func (w *world) change(name string, change func(*corev1.Node)) {
	for i := range w.nodes {
		if w.nodes[i].Name == name {
			w.nodes = slices.Clone(w.nodes)
			w.nodes[i] = w.nodes[i].DeepCopy()
			change(w.nodes[i])
		}
	}
}

// ready has a node become ready, or not.
func (w *world) ready(name string, ready bool) {
	w.change(name, func(n *corev1.Node) {
		c := &n.Status.Conditions[0]
		c.Status, c.LastTransitionTime = corev1.ConditionFalse, metav1.NewTime(w.now)
		if ready {
			c.Status = corev1.ConditionTrue
		}
	})
}

// commit applies another image to the DaemonSets that are named, to all if none is, and begins their rollout.
func (w *world) commit(image string, names ...string) *world {
	for _, s := range w.sets {
		if len(names) == 0 || slices.Contains(names, s.ds.Name) {
			w.apply(s, image)
		} else {
			s.target.AppliedAt = w.now
		}
		s.memory, s.cache = rollout.Memory{}, judge.Cache{}
	}
	w.progress, w.last, w.rollback, w.mends = Progress{}, Outcome{}, false, time.Time{}
	return w
}

// mend commits what takes over from a commit that got stuck.
func (w *world) mend(image string) *world {
	since := w.sets[0].target.AppliedAt
	w.commit(image).mends = since
	return w
}

// apply is one DaemonSet's new template, observed by its controller at once.
func (w *world) apply(s *played, image string) {
	s.ds = s.ds.DeepCopy()
	s.ds.Generation++
	s.ds.Status.ObservedGeneration = s.ds.Generation
	if s.held && image != s.ds.Spec.Template.Spec.Containers[0].Image { // in the same write
		w.strategy(s, true)
	}
	s.ds.Spec.Template.Spec.Containers[0].Image = image
	s.target = rollout.Target{Namespace: "platform", Name: s.ds.Name, UID: s.ds.UID, Generation: s.ds.Generation,
		AppliedAt: w.now, OnDelete: true, HadNodes: s.ds.Generation > 1}
	number := int64(len(s.revisions))
	for _, r := range s.revisions {
		number = max(number, r.Revision)
	}
	s.revisions = slices.Clone(s.revisions)
	for i, r := range s.revisions {
		if r.Labels[fact.HashLabel] == image {
			s.revisions[i] = r.DeepCopy()
			s.revisions[i].Revision = number + 1
			return
		}
	}
	template, err := json.Marshal(s.ds.Spec.Template)
	if err != nil {
		w.t.Fatal(err)
	}
	s.revisions = append(s.revisions, &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Name: image, Labels: map[string]string{fact.HashLabel: image},
			OwnerReferences: s.owner(), CreationTimestamp: metav1.NewTime(w.now)}, Revision: number + 1,
		Data: runtime.RawExtension{Raw: []byte(`{"spec":{"template":` + string(template) + `}}`)}})
}

func (s *played) owner() []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{Kind: "DaemonSet", Name: s.ds.Name, UID: s.ds.UID, Controller: &yes}}
}

// after lets time pass, with all that happens in it.
func (w *world) after(d time.Duration) *world {
	for end := w.now.Add(d); ; {
		w.control()
		next, due := w.next()
		if !due || next.After(end) {
			w.now = fact.Latest(w.now, end)
			return w
		}
		w.now = fact.Latest(w.now, next)
		w.happen()
	}
}

// next is when something happens next. On a node that is down nothing does.
func (w *world) next() (next time.Time, due bool) {
	for _, s := range w.sets {
		for i, at := range s.due {
			if !at.IsZero() && (!due || at.Before(next)) && isReadyNode(w.nodes[i]) {
				next, due = at, true
			}
		}
	}
	return next, due
}

// control is the DaemonSet controller: a node without a pod gets one of the newest template, and, unless that is left to
// others, old pods go, those that are not available first and the others in no order that anybody can choose.
func (w *world) control() {
	for _, s := range w.sets {
		for i, n := range w.nodes {
			if s.slots[i] == nil && isReadyNode(n) {
				w.put(s, i, w.born(s, n.Name), w.now.Add(w.pulls(n.Name)))
			}
		}
		if s.rolling && !s.braked {
			w.roll(s)
		}
	}
}

// roll is a rolling update.
func (w *world) roll(s *played) {
	budget, _ := intstr.GetScaledValueFromIntOrPercent(w.plan.MaxUnavailable, len(w.nodes), true)
	image := s.ds.Spec.Template.Spec.Containers[0].Image
	var old []int
	for i, p := range s.slots {
		available := p.DeletionTimestamp == nil && fact.IsReady(p)
		isOld := p.DeletionTimestamp == nil && p.Labels[fact.HashLabel] != image
		switch {
		case isOld && available:
			old = append(old, i)
		case isOld:
			w.stop(s, i)
			fallthrough
		case !available:
			budget--
		}
	}
	slices.SortFunc(old, func(a, b int) int { return cmp.Compare(a*7919%10007, b*7919%10007) })
	for _, i := range old[:max(0, min(budget, len(old)))] {
		w.stop(s, i)
	}
}

// pulls is how long a node takes from a pod's being made to its being Ready.
func (w *world) pulls(name string) time.Duration {
	if !w.jitter {
		return pullTime
	}
	sum := 0
	for _, r := range name {
		sum = sum*31 + int(r)
	}
	return 20*time.Second + time.Duration(sum%20)*time.Second
}

// put has a pod stand on a node, or none; due is when something happens to it next.
func (w *world) put(s *played, i int, p *corev1.Pod, due time.Time) {
	s.slots[i], s.due[i], s.stands = p, due, nil
}

// pods are those that are there, in the order of their nodes.
func (s *played) pods() []*corev1.Pod {
	if s.stands == nil {
		for _, p := range s.slots {
			if p != nil {
				s.stands = append(s.stands, p)
			}
		}
	}
	return s.stands
}

func isReadyNode(n *corev1.Node) bool { return n.Status.Conditions[0].Status == corev1.ConditionTrue }

// born is a pod of the newest template.
func (w *world) born(s *played, node string) *corev1.Pod {
	w.made++
	image := s.ds.Spec.Template.Spec.Containers[0].Image
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "platform",
		Name: fmt.Sprintf("%s-%d", s.ds.Name, w.made), UID: types.UID(fmt.Sprintf("pod-%d", w.made)),
		Labels:          map[string]string{fact.HashLabel: image},
		ResourceVersion: w.version(), OwnerReferences: s.owner(), CreationTimestamp: metav1.NewTime(w.now)},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "agent", Image: image}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(w.now)}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "agent",
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}}}}
}

func (w *world) version() string { w.rvs++; return fmt.Sprint(w.rvs) }

// happen is what is due by now: containers start and die, and pods that were asked to go are gone.
func (w *world) happen() {
	for _, s := range w.sets {
		for i, at := range s.due {
			switch {
			case at.IsZero() || at.After(w.now) || !isReadyNode(w.nodes[i]):
			case s.slots[i].DeletionTimestamp != nil:
				s.deaths[i] = 0
				w.put(s, i, nil, time.Time{})
			default:
				w.live(s, i)
			}
		}
	}
}

// live is the next thing in a pod's life: its container starts, or dies.
func (w *world) live(s *played, i int) {
	p := s.slots[i].DeepCopy()
	p.ResourceVersion = w.version()
	c, ready := &p.Status.ContainerStatuses[0], &p.Status.Conditions[0]
	var due time.Time
	switch {
	case c.State.Running != nil && ready.Status == corev1.ConditionFalse: // it was sick for a while
		ready.Status, ready.LastTransitionTime = corev1.ConditionTrue, metav1.NewTime(w.now)
		w.put(s, i, p, due)
		return
	case c.State.Running == nil:
		if c.State.Waiting.Reason == "CrashLoopBackOff" {
			c.RestartCount++
		}
		c.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(w.now)}}
		p.Status.Phase, c.Ready = corev1.PodRunning, true
		ready.Status, ready.LastTransitionTime = corev1.ConditionTrue, metav1.NewTime(w.now)
		if life, dies := w.lives[p.Spec.Containers[0].Image]; dies {
			due = w.now.Add(life)
		}
		w.put(s, i, p, due)
		return
	}
	w.lost[p.Spec.NodeName] = true
	c.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1,
		Reason: "Error", StartedAt: c.State.Running.StartedAt, FinishedAt: metav1.NewTime(w.now)}}
	c.State, c.Ready = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}, false
	ready.Status, ready.LastTransitionTime = corev1.ConditionFalse, metav1.NewTime(w.now)
	s.deaths[i]++
	w.put(s, i, p, w.now.Add(min(5*time.Minute, 10*time.Second<<min(s.deaths[i]-1, 8))))
}

// stop asks a pod to go.
func (w *world) stop(s *played, i int) {
	p := s.slots[i].DeepCopy()
	at, grace := metav1.NewTime(w.now.Add(stopTime)), int64(stopTime/time.Second)
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds, p.ResourceVersion = &at, &grace, w.version()
	w.put(s, i, p, at.Time)
}

// look is what is there now.
func (w *world) look(s *played) rollout.Look {
	return rollout.Look{Now: w.now, DaemonSet: s.ds, Revisions: s.revisions, Pods: s.pods(), Nodes: w.nodes}
}

// input judges this moment.
func (w *world) input() Input {
	in := Input{Now: w.now, Plan: w.plan, Options: w.options, Progress: w.progress, Rollback: w.rollback, MendsSince: w.mends, First: w.first,
		Paused: w.paused, Closed: w.closed, Opens: w.opens, Held: w.held, Alerts: w.alerts, Firing: w.firing}
	for _, s := range w.sets {
		l := w.look(s)
		s.judgement, s.memory = judge.RolloutAgain(&s.cache, l, s.target, s.memory, w.options)
		in.Workloads = append(in.Workloads, Workload{Target: s.target, Look: l, Judgement: s.judgement,
			Going: maps.Clone(w.going), Refused: refusals(w.refused), Held: s.held, Kept: s.kept, Reached: s.reached})
	}
	return in
}

// refusals are those of a PodDisruptionBudget.
func refusals(said map[types.UID]string) map[types.UID]Refusal {
	all := map[types.UID]Refusal{}
	for uid, why := range said {
		all[uid] = Refusal{Said: why, Budget: true}
	}
	return all
}

// decide looks, decides, keeps the progress, and carries out what was decided.
func (w *world) decide() Outcome {
	w.t.Helper()
	o := Decide(w.input())
	w.progress, w.last = o.Progress, o
	w.carryOut(o)
	return o
}

func (w *world) carryOut(o Outcome) {
	w.carryStrategies(o)
	for _, d := range o.Delete {
		w.evict(d)
	}
}

// carryStrategies writes what was decided by a look at the DaemonSet as it is.
func (w *world) carryStrategies(o Outcome) {
	for _, st := range o.Strategies {
		for _, s := range w.sets {
			if s.ds.Name == st.Name && s.ds.Generation == st.Generation && (st.OnDelete || s.kept == "") {
				w.strategy(s, st.OnDelete)
			}
		}
	}
}

// strategy gives a DaemonSet OnDelete, or RollingUpdate back, which its controller observes at once.
func (w *world) strategy(s *played, onDelete bool) {
	s.ds = s.ds.DeepCopy()
	s.ds.Generation++
	s.ds.Status.ObservedGeneration = s.ds.Generation
	if s.rolling = !onDelete; onDelete {
		s.ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	} else {
		s.ds.Spec.UpdateStrategy.Type = appsv1.RollingUpdateDaemonSetStrategyType
	}
	s.writes = append(s.writes, string(s.ds.Spec.UpdateStrategy.Type))
}

// evict asks a pod to go, unless it is another one by now, is going, or has become Ready although it was to go because
// it was not.
func (w *world) evict(d Deletion) bool {
	for _, s := range w.sets {
		for i, p := range s.slots {
			if p == nil || p.UID != d.UID || p.DeletionTimestamp != nil || d.Unready && fact.IsReady(p) {
				continue
			}
			w.evictions++
			w.stop(s, i)
			return true
		}
	}
	w.conflicts++
	return false
}

// run decides for a while, whenever something happens or changes by time alone.
func (w *world) run(d time.Duration) Outcome {
	w.t.Helper()
	o := w.decide()
	for end := w.now.Add(d); w.now.Before(end); {
		if len(o.Strategies) > 0 { // which are seen
			o.Wake = w.now.Add(time.Second)
		}
		w.step(end, o.Wake)
		o = w.decide()
	}
	return o
}

// want holds what the stage is, and waits for.
func (w *world) want(o Outcome, name string, waits Wait) Outcome {
	w.t.Helper()
	if o.Name != name || o.Waits != waits {
		w.t.Fatalf("stage %q (%d of %d) waits for %q (%s), want %q and %q; has %s", o.Name, o.Index, o.Of, o.Waits,
			o.Message, name, waits, w.has())
	}
	return o
}

// has is which node has which image, of the first DaemonSet.
func (w *world) has(images ...string) string {
	var said []string
	for _, p := range w.sets[0].pods() {
		image := p.Labels[fact.HashLabel]
		if len(images) == 0 {
			said = append(said, p.Spec.NodeName+"="+image)
		} else if slices.Contains(images, image) {
			said = append(said, p.Spec.NodeName)
		}
	}
	slices.Sort(said)
	return strings.Join(said, " ")
}

// pod is the pod of the first DaemonSet on a node.
func (w *world) pod(node string) *corev1.Pod {
	for _, p := range w.sets[0].pods() {
		if p.Spec.NodeName == node {
			return p
		}
	}
	w.t.Fatalf("no pod on %s", node)
	return nil
}

// lose deletes a node's pod, as somebody else does it.
func (w *world) lose(node string) {
	p := w.pod(node)
	w.evict(Deletion{Name: p.Name, UID: p.UID})
	w.evictions--
}

// goesTo are the nodes of an outcome's deletions, in their order.
func goesTo(o Outcome) string {
	var nodes []string
	for _, d := range o.Delete {
		nodes = append(nodes, d.Node)
	}
	return strings.Join(nodes, " ")
}

func selector(text string) labels.Selector {
	s, err := labels.Parse(text)
	if err != nil {
		panic(err)
	}
	return s
}

func number(n int) *intstr.IntOrString {
	v := intstr.FromInt(n)
	return &v
}

func percent(text string) *intstr.IntOrString {
	v := intstr.FromString(text)
	return &v
}

// canaryThenRest is two canary nodes that soak, and the rest.
func canaryThenRest(soak time.Duration) Plan {
	return Plan{Stages: []Stage{{Name: "canary", Nodes: selector("canary=yes"), AtMost: 2, Soak: soak}},
		MaxUnavailable: number(1)}
}
