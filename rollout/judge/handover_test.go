package judge

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/podtest"
	"github.com/daemongate/daemongate/rollout/survey"
)

// succession is a fleet whose DaemonSet takes over from another one: its pods wait for the other's to go.
type succession struct {
	*fleet
	old  *appsv1.DaemonSet
	olds []*corev1.Pod
}

// newSuccession has an old DaemonSet with a settled pod on each node, and a new one of which each pod waits.
func newSuccession(t testing.TB, nodes, atOnce int) *succession {
	s := &succession{fleet: newFleet(t, nodes)}
	s.pods = nil
	s.old = podtest.Daemon("old", nil)
	s.old.Generation = 3
	for _, n := range s.nodes {
		s.addOld(n.Name)
	}
	s.after(time.Hour)
	s.apply(func(d *appsv1.DaemonSet) {
		budget := intstr.FromInt(atOnce)
		d.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &budget
	})
	s.ds.Status.DesiredNumberScheduled = int32(nodes)
	s.target.Predecessors = []rollout.Predecessor{{Namespace: s.old.Namespace, Name: s.old.Name, UID: s.old.UID}}
	for _, n := range s.nodes {
		s.pend(n.Name)
	}
	return s
}

func (s *succession) addOld(node string) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.old.Namespace, Name: s.old.Name + "-" + node,
		OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet", Name: s.old.Name, UID: s.old.UID,
			Controller: new(true)}},
	}, Spec: *s.old.Spec.Template.Spec.DeepCopy()}
	p.Spec.NodeName = node
	p.UID = types.UID(fmt.Sprint("old-", s.made, "-", node))
	p.CreationTimestamp = metav1.NewTime(s.now)
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, LastTransitionTime: metav1.NewTime(s.now)}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent"}}
	s.olds = append(s.olds, s.ready(p))
}

// pend makes a pod of the new DaemonSet that the scheduler finds no room for.
func (s *succession) pend(node string) {
	p := s.newPod(node)
	p.Spec.NodeName = ""
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
			{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{node}}}}}}}}
	p.Status.ContainerStatuses = nil
	s.condition(p, corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable,
		"0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 2 node(s) didn't "+
			"satisfy plugin(s) [NodeAffinity].")
}

// giveUp is a handover as it is written: of the generation that it was decided on, and no other.
func (s *succession) giveUp(h rollout.Handover) {
	if h.Generation != s.old.Generation {
		return
	}
	s.old = s.old.DeepCopy()
	s.old.Generation++
	var fields []corev1.NodeSelectorRequirement
	for _, name := range append(h.Nodes, keysOf(survey.GivenUp(s.old))...) {
		fields = append(fields, corev1.NodeSelectorRequirement{Key: "metadata.name",
			Operator: corev1.NodeSelectorOpNotIn, Values: []string{name}})
	}
	s.old.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: fields}}}}}
}

func keysOf(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// place has the old pod of a given-up node go and the new one be bound in its place.
func (s *succession) place(node string) *corev1.Pod {
	s.olds = slices.DeleteFunc(slices.Clone(s.olds), func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
	s.gone(node)
	return s.newPod(node)
}

func (s *succession) after(d time.Duration) *succession {
	s.fleet.after(d)
	return s
}

func (s *succession) look() rollout.Look {
	l := s.fleet.look()
	l.Predecessors = []rollout.Holder{{DaemonSet: s.old, Pods: s.olds}}
	return l
}

func (s *succession) judge() rollout.Judgement {
	j, m := bothWays(s.look(), s.target, s.memory, s.options)
	s.memory = m
	return j
}

func given(j rollout.Judgement) []string {
	var names []string
	for _, h := range j.Handovers {
		names = append(names, h.Nodes...)
	}
	return names
}

// As many nodes as may be unavailable are given up at once, and others only as those settle. A node that waits for its
// turn is no trouble, however long it waits: it runs the old agent.
func TestNodesAreHandedOverAsTheySettle(t *testing.T) {
	s := newSuccession(t, 5, 2)
	j := s.after(10 * time.Minute).judge()
	if !slices.Equal(given(j), []string{"node-1", "node-2"}) || len(j.Causes) > 0 || len(j.Old) != 5 || j.Updated != 0 {
		t.Fatalf("given up %v, causes %v, %d old, %d updated", given(j), j.Causes, len(j.Old), j.Updated)
	}
	s.giveUp(j.Handovers[0])
	if j := s.judge(); len(j.Handovers) > 0 || len(j.Causes) > 0 {
		t.Errorf("more than two: %v, %v", given(j), j.Causes)
	}
	s.ready(s.place("node-1"))
	if j := s.after(9 * time.Second).judge(); len(j.Handovers) > 0 {
		t.Errorf("before it settled: %v", given(j))
	}
	if j = s.after(time.Second).judge(); !slices.Equal(given(j), []string{"node-3"}) {
		t.Errorf("after one settled: %v", given(j))
	}
	if j.Verdict != rollout.Progressing || j.Settled != 1 || j.Desired != 5 {
		t.Errorf("%s, %d of %d", j.Verdict, j.Settled, j.Desired)
	}
	for _, n := range s.nodes {
		s.giveUp(rollout.Handover{Generation: s.old.Generation, Nodes: []string{n.Name}})
		s.ready(s.place(n.Name))
	}
	if j := s.after(time.Minute).judge(); j.Verdict != rollout.Complete || len(j.Handovers) > 0 {
		t.Errorf("%s, %v, %v", j.Verdict, given(j), j.Causes)
	}
}

// The first node's pod has waited for its port since the commit was applied: it is Unschedulable only if it still is
// when the old pod has gone, and that for as long as any other.
func TestWaitingForAPredecessorIsNoTrouble(t *testing.T) {
	s := newSuccession(t, 3, 1)
	s.giveUp(s.after(10 * time.Minute).judge().Handovers[0])
	s.olds[0] = s.terminate(s.olds[0].DeepCopy())
	if j := s.after(20 * time.Second).judge(); len(j.Causes) > 0 {
		t.Errorf("while the old pod ends: %v", j.Causes)
	}
	s.olds = s.olds[1:]
	if j := s.judge(); j.Verdict != rollout.Progressing || len(j.Causes) != 1 ||
		j.Causes[0].Code != rollout.Unschedulable {
		t.Errorf("%s, %v", j.Verdict, j.Causes)
	}
	if j := s.after(119 * time.Second).judge(); j.Verdict != rollout.Progressing {
		t.Errorf("too early: %s", j.Verdict)
	}
	if j := s.after(time.Second).judge(); j.Verdict != rollout.Stuck || len(j.Handovers) > 0 {
		t.Errorf("%s, %v", j.Verdict, given(j))
	}
}

// A new agent that does not start stops the handover: its nodes use up the budget. An old agent that is
// down has nothing to lose and goes first.
func TestABrokenAgentStopsTheHandover(t *testing.T) {
	s := newSuccession(t, 6, 2)
	s.condition(s.olds[4], corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
	j := s.judge()
	if !slices.Equal(given(j), []string{"node-5", "node-1"}) && !slices.Equal(given(j), []string{"node-1", "node-5"}) {
		t.Fatalf("given up %v", given(j))
	}
	s.giveUp(j.Handovers[0])
	s.waits(s.place("node-1"), "ImagePullBackOff", "no such image")
	s.waits(s.place("node-5"), "ImagePullBackOff", "no such image")
	s.judge()
	if j := s.after(time.Minute).judge(); j.Verdict != rollout.Stuck || len(j.Handovers) > 0 || len(j.Old) != 4 {
		t.Errorf("%s, %v, %d old", j.Verdict, given(j), len(j.Old))
	}
}

// The brake stops it even where more nodes might be without an agent.
func TestTheBrakeStopsTheHandover(t *testing.T) {
	s := newSuccession(t, 6, 4)
	s.giveUp(rollout.Handover{Generation: s.old.Generation, Nodes: []string{"node-1"}})
	s.ends(s.runs(s.place("node-1")), 1, "Error")
	if j := s.judge(); j.Brake != rollout.BrakePull || len(j.Handovers) > 0 {
		t.Errorf("brake %q, %v", j.Brake, given(j))
	}
	s.options.NoBrake = true
	if j := s.judge(); len(given(j)) != 3 {
		t.Errorf("without the brake %v, three more may be given up", given(j))
	}
}

// A node that has no settled agent for another reason uses up one of the budget too: of which no new pod has been made
// yet, it is not given up.
func TestANodeWithoutAnAgentUsesUpTheBudget(t *testing.T) {
	s := newSuccession(t, 4, 2)
	s.condition(s.olds[3], corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
	s.gone("node-4")
	if j := s.judge(); !slices.Equal(given(j), []string{"node-1"}) {
		t.Errorf("given up %v", given(j))
	}
}

// Another DaemonSet of the predecessor's name is none, and gives up nothing.
func TestAnotherDaemonSetOfThePredecessorsName(t *testing.T) {
	s := newSuccession(t, 3, 1)
	s.target.Predecessors[0].UID = "another"
	if j := s.judge(); len(j.Handovers) > 0 {
		t.Errorf("%v", j.Handovers)
	}
}

// Whatever happens in whatever order, and however old each part of a look is: of the nodes that were given up never
// more than the budget are without a new pod that has been seen settled since; and the last node is reached. A crash
// forgets all that is not in the cluster.
func TestNeverMoreNodesGivenUpThanMayBe(t *testing.T) {
	complete, seeds := 0, 300
	if os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		seeds = 60
	}
	for seed := range seeds {
		r := rand.New(rand.NewSource(int64(seed)))
		atOnce := 1 + r.Intn(3)
		s := newSuccession(t, 3+r.Intn(7), atOnce)
		proven := map[string]bool{} // nodes whose new pod had settled at some time
		seen := []rollout.Look{s.look()}
		for range 400 {
			s.after(time.Duration(r.Intn(8)) * time.Second)
			s.happens(r)
			seen = append(seen[max(0, len(seen)-5):], s.look())
			l := mixed(r, seen)
			if r.Intn(10) == 0 {
				s.memory = rollout.Memory{}
			}
			s.prove(l, proven)
			j, m := bothWays(l, s.target, s.memory, s.options)
			s.memory = m
			if j.Verdict == rollout.Complete {
				complete++
				break
			}
			for _, h := range j.Handovers {
				s.giveUp(h)
			}
			hand := 0
			for name := range survey.GivenUp(s.old) {
				if !proven[name] {
					hand++
				}
			}
			if hand > atOnce {
				t.Fatalf("seed %d: %d nodes given up at once, %d may be", seed, hand, atOnce)
			}
		}
	}
	if complete < seeds*9/10 {
		t.Errorf("only %d of %d were complete", complete, seeds)
	}
}

// prove notes the nodes whose new pod has settled by what a look shows of it.
func (s *succession) prove(l rollout.Look, proven map[string]bool) {
	for _, p := range l.Pods {
		if since, ready := fact.ReadySince(p); ready && p.Spec.NodeName != "" && l.Now.Sub(since) >= 10*time.Second {
			proven[p.Spec.NodeName] = true
		}
	}
}

// happens is one thing that happens to one node: its old pod goes if it was given up, the new one is bound, becomes
// Ready, dies or comes back; or its old pod fails or recovers by itself.
func (s *succession) happens(r *rand.Rand) {
	node := s.nodes[r.Intn(len(s.nodes))].Name
	old := slices.IndexFunc(s.olds, func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
	i := slices.IndexFunc(s.pods, func(p *corev1.Pod) bool { return fact.TargetNode(p) == node })
	s.pods = slices.Clone(s.pods)
	s.pods[i] = s.pods[i].DeepCopy()
	p := s.pods[i]
	switch {
	case old >= 0 && survey.GivenUp(s.old)[node]:
		s.olds = slices.Delete(slices.Clone(s.olds), old, old+1)
	case old >= 0 && r.Intn(20) == 0:
		s.olds = slices.Clone(s.olds)
		s.olds[old] = s.olds[old].DeepCopy()
		status := corev1.ConditionTrue
		if fact.IsReady(s.olds[old]) {
			status = corev1.ConditionFalse
		}
		s.condition(s.olds[old], corev1.PodReady, status, "", "")
	case old >= 0:
	case p.Spec.NodeName == "":
		s.place(node)
	case !fact.IsReady(p):
		s.ready(p)
	case r.Intn(30) == 0:
		s.gone(node)
		s.newPod(node)
	}
}

// mixed is a look whose parts are of different ages, as watches have them.
func mixed(r *rand.Rand, seen []rollout.Look) rollout.Look {
	l := seen[len(seen)-1]
	l.Pods = seen[r.Intn(len(seen))].Pods
	l.Predecessors = []rollout.Holder{{DaemonSet: seen[r.Intn(len(seen))].Predecessors[0].DaemonSet,
		Pods: seen[r.Intn(len(seen))].Predecessors[0].Pods}}
	return l
}
