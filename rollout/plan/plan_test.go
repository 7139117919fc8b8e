package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/podtest"
	"github.com/daemongate/daemongate/rollout/room"
)

// agent is a DaemonSet of one container with a release's image that asks for this.
func agent(asks string, changes ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	d := podtest.Daemon("agent", func(s *corev1.PodSpec) {
		s.Containers[0].Image = "registry.local/agent:v2"
		s.Containers[0].Resources.Requests = podtest.Quantities(asks)
	})
	d.Spec.MinReadySeconds = 30
	d.Spec.Template.Labels = map[string]string{"app": "agent"}
	for _, change := range changes {
		change(d)
	}
	return d
}

// surging has the new pods start beside the old ones.
func surging(d *appsv1.DaemonSet) {
	one, none := intstr.FromInt32(1), intstr.FromInt32(0)
	d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &none}
}

// node has two cpus, 4Gi, and room for ten pods.
func node(name string, pairs ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}},
		Status: corev1.NodeStatus{Allocatable: podtest.Quantities("cpu=2 memory=4Gi pods=10")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		n.Labels[pairs[i]] = pairs[i+1]
	}
	return n
}

// onNodes are the pods of a DaemonSet, one on each node.
func onNodes(d *appsv1.DaemonSet, nodes ...*corev1.Node) []*corev1.Pod {
	yes := true
	var pods []*corev1.Pod
	for _, n := range nodes {
		p := fact.PodOf(d)
		p.Name, p.Namespace, p.UID = d.Name+"-"+n.Name, d.Namespace, types.UID("pod-"+n.Name)
		p.Spec.NodeName = n.Name
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: d.Name, UID: d.UID, Controller: &yes}}
		pods = append(pods, p)
	}
	return pods
}

// fleet is a look at nodes on which a DaemonSet runs, nil if it is new, and other pods.
func fleet(current, next *appsv1.DaemonSet, nodes []*corev1.Node, others ...*corev1.Pod) Input {
	in := Input{Current: current, Next: next, Nodes: nodes, Others: rollout.Others{Pods: others}}
	for _, n := range nodes {
		in.Others.Nodes = append(in.Others.Nodes, n.Name)
	}
	if current != nil {
		in.Pods = onNodes(current, nodes...)
	}
	return in
}

func prior(value int32) func(*appsv1.DaemonSet) {
	return func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Priority = &value }
}

// The new pod is weighed where the old one has gone, unless it starts beside it. What is short is said, whom the
// scheduler would preempt, and that it preempts nobody of the same priority.
func TestEachNodeIsWeighed(t *testing.T) {
	n := []*corev1.Node{node("node-1")}
	v1 := agent("cpu=500m")
	other := func(asks string, changes ...func(*corev1.Pod)) *corev1.Pod {
		return podtest.Made("web/shop", asks, changes...)
	}
	for _, c := range []struct {
		name string
		in   Input
		room Room
		says string // of the node
	}{
		{"after the old one", fleet(v1, agent("cpu=1500m"), n, other("cpu=500m")), HasRoom, ""},
		{"too large", fleet(v1, agent("cpu=1800m"), n, other("cpu=500m")), NoRoom, "short by 300m"},
		{"equal priority", fleet(v1, agent("cpu=1800m"), n, other("cpu=500m")), NoRoom, "Equal:[{Pod:web/shop"},
		{"a lower one goes", fleet(v1, agent("cpu=1800m", prior(10)), n, other("cpu=500m")), ByPreempt,
			"Preempts:[{Pod:web/shop Priority:0}]"},
		{"and never by one that may not", fleet(v1, agent("cpu=1800m", prior(10), func(d *appsv1.DaemonSet) {
			never := corev1.PreemptNever
			d.Spec.Template.Spec.PreemptionPolicy = &never
		}), n, other("cpu=500m")), NoRoom, "short by 300m"},
		{"a higher one stays", fleet(v1, agent("cpu=1800m", prior(10)), n, other("cpu=500m", podtest.Ranked(20))),
			NoRoom, "short by 300m"},
		{"beside the old one", fleet(v1, agent("cpu=1200m", surging), n, other("cpu=500m")), NoRoom, "AfterOld:true"},
		{"beside it with room", fleet(v1, agent("cpu=1", surging), n, other("cpu=500m")), HasRoom, ""},
		{"a limit asks too", fleet(v1, agent("", func(d *appsv1.DaemonSet) {
			d.Spec.Template.Spec.Containers[0].Resources.Limits = podtest.Quantities("cpu=1800m")
		}), n, other("cpu=500m")), NoRoom, "short by 300m"},
		{"its own port", fleet(agent("", onHost), agent("cpu=1m", onHost, surging), n), NoRoom, "9100/TCP, held by"},
		{"its own port goes", fleet(agent("", onHost), agent("cpu=1m", onHost), n), HasRoom, ""},
		{"the same template", fleet(v1, agent("cpu=500m"), n, other("cpu=2")), Keeps, ""},
		{"a new one", fleet(nil, agent("cpu=1800m"), n, other("cpu=500m")), NoRoom, "Joins:true"},
		{"ten pods are ten", fleet(nil, agent(""), n, ten()...), NoRoom, "asks for pods 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Weigh(c.in)
			if got := fmt.Sprintf("%+v", p.Nodes[0]); p.Nodes[0].Room != c.room || !strings.Contains(got, c.says) {
				t.Errorf("%s: want %s and %q", got, c.room, c.says)
			}
		})
	}
}

func onHost(d *appsv1.DaemonSet) {
	d.Spec.Template.Spec.HostNetwork = true
	d.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 9100}}
}

func ten() []*corev1.Pod {
	var pods []*corev1.Pod
	for i := range 10 {
		pods = append(pods, podtest.PodOn("node-1", fmt.Sprintf("web/p%d", i), ""))
	}
	return pods
}

// Of the pods that may be preempted as many stay as there is room for: the higher priority first, and before all those
// whose budget forbids it.
func TestThoseArePreemptedWhomTheSchedulerWouldTake(t *testing.T) {
	n := []*corev1.Node{node("node-1")}
	low := podtest.Made("web/low", "cpu=1", podtest.Ranked(1), podtest.Labelled("app", "low"))
	mid := podtest.Made("web/mid", "cpu=1", podtest.Ranked(2), podtest.Labelled("app", "mid"))
	in := fleet(nil, agent("cpu=1", prior(10)), n, low, mid)
	if got := Weigh(in).Nodes[0].Preempts; len(got) != 1 || got[0].Pod != "web/low" {
		t.Errorf("%v, want the lower priority", got)
	}
	in.Others.Budgets = []*policyv1.PodDisruptionBudget{podtest.Budget("web", "low", 0)}
	if got := Weigh(in).Nodes[0].Preempts; len(got) != 1 || got[0].Pod != "web/mid" {
		t.Errorf("%v, want the one without a budget", got)
	}
}

// Nodes that get the DaemonSet and nodes that lose it are named, and a commit that takes it off all is refused.
func TestNodesJoinAndLeave(t *testing.T) {
	nodes := []*corev1.Node{node("a", "pool", "x"), node("b", "pool", "x"), node("c", "pool", "y"),
		node("d", "pool", "y"), node("e", "pool", "z")}
	on := func(pools ...string) func(*appsv1.DaemonSet) {
		return func(d *appsv1.DaemonSet) {
			d.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.
					NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "pool",
					Operator: corev1.NodeSelectorOpIn, Values: pools}}}}}}}
		}
	}
	in := fleet(agent("", on("x", "y")), agent("", on("y", "z")), nodes)
	in.Pods = onNodes(in.Current, nodes[:4]...)
	p := Weigh(in)
	if fmt.Sprint(p.Joins, p.Leaves) != "[e] [a b]" || p.Pace.Nodes != 2 || p.Pace.Waves != 2 {
		t.Errorf("joins %v, leaves %v, %+v", p.Joins, p.Leaves, p.Pace)
	}
	in.Next = agent("", on("none"))
	if p := Weigh(in); p.Outcome != Refused || !strings.Contains(p.Headline, "off 4 of its 4 nodes") {
		t.Errorf("%s: %s", p.Outcome, p.Headline)
	}
}

// Two DaemonSets of one commit that both grow must have room for both.
func TestACommitIsWeighedAsAWhole(t *testing.T) {
	n := []*corev1.Node{node("node-1")}
	logs := func(asks string) *appsv1.DaemonSet {
		return agent(asks, func(d *appsv1.DaemonSet) { d.Name, d.UID = "logs", "uid-logs" })
	}
	a, b := fleet(agent("cpu=500m"), agent("cpu=1200m"), n), fleet(logs("cpu=500m"), logs("cpu=900m"), n)
	all := append(append([]*corev1.Pod{}, a.Pods...), b.Pods...)
	a.Others.Pods, b.Others.Pods = all, all
	if alone := Weigh(a); alone.Outcome != Fits {
		t.Fatalf("alone: %s", alone.Headline)
	}
	for _, p := range Commit([]Input{a, b}) {
		if p.Outcome != WillNotFit || p.Headline != "will not fit 1 of 1 node: 100m cpu short" {
			t.Errorf("%s: %s", p.Name, p.Headline)
		}
	}
}

// What nobody could read is said, and what is certain all the same: a pod that is larger than the whole node.
func TestWhatIsNotKnownIsNotSaidToFit(t *testing.T) {
	in := fleet(nil, agent("cpu=1"), []*corev1.Node{node("node-1")})
	in.Others = rollout.Others{Missing: []rollout.Unknown{{Kind: rollout.KindPods, Why: "forbidden"}}}
	if p := Weigh(in); p.Outcome != NotKnown || !p.Outcome.Fine() {
		t.Errorf("%s: %s", p.Outcome, p.Headline)
	}
	in.Next = agent("cpu=3")
	if p := Weigh(in); p.Outcome != WillNotFit || p.Nodes[0].Short[0].Free != "" {
		t.Errorf("%s: %+v", p.Headline, p.Nodes)
	}
}

// Of a DaemonSet that cannot be weighed it is not said that it would wait: whether it would fit then is not known
// either. That it would wait is told beside it.
func TestWhatIsNotKnownGoesBeforeAWait(t *testing.T) {
	for want, nodes := range map[Outcome][]Node{NotKnown: {{Room: RoomUnknown}, {Room: HasRoom}},
		Held: {{Room: HasRoom}, {Room: ByPreempt}}, WillNotFit: {{Room: RoomUnknown}, {Room: NoRoom}}} {
		if got := outcome(&Plan{Nodes: nodes, Hold: "waits for its turn"}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What may keep pods away and was not weighed is named: of the whole DaemonSet, and of single nodes.
func TestWhatIsNotWeighedIsNamed(t *testing.T) {
	far := podtest.Made("web/lonely", "", func(p *corev1.Pod) {
		p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone",
				NamespaceSelector: &metav1.LabelSelector{},
				LabelSelector:     &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}}}}}
	})
	nodes := []*corev1.Node{node("node-1", "zone", "a"), node("node-2", "zone", "a"), node("node-3", "zone", "b")}
	no := false
	next := agent("", func(d *appsv1.DaemonSet) {
		s := &d.Spec.Template.Spec
		s.HostNetwork, s.HostUsers = true, &no
		s.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.
			PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
		s.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu"}}
	})
	p := Weigh(fleet(nil, next, nodes, far))
	all := strings.Join(p.NotWeighed, "; ")
	for _, want := range []string{"PersistentVolume", "resource claims", "LimitRange"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %q", want, all)
		}
	}
	for i, want := range []bool{true, true, false} {
		on := fmt.Sprint(p.Nodes[i].NotWeighed)
		if strings.Contains(on, "anti-affinity of pod web/lonely") != want || !strings.Contains(on, "declare feature") {
			t.Errorf("%s: %s", p.Nodes[i].Name, on)
		}
	}
}

// A template without a priority gets the one of its class, or that of the cluster's default.
func TestTheClassDecidesThePriority(t *testing.T) {
	in := fleet(nil, agent("cpu=2"), []*corev1.Node{node("node-1")}, podtest.Made("web/shop", "cpu=1"))
	in.Classes = []*schedulingv1.PriorityClass{{ObjectMeta: metav1.ObjectMeta{Name: "agents"}, Value: 7}}
	if p := Weigh(in); p.Outcome != WillNotFit {
		t.Errorf("without a class: %s", p.Headline)
	}
	in.Next.Spec.Template.Spec.PriorityClassName = "agents"
	if p := Weigh(in); p.Outcome != Preempts || p.Headline != "fits the only node, but there only by preempting others" {
		t.Errorf("with it: %s", p.Headline)
	}
}

// What 5,000 nodes cost that are full with thirty pods each, so that for every node it is foreseen whom the scheduler
// would preempt. The baseline is Kubernetes' own helper, which adds up once what each of the pods asks for.
func BenchmarkPlan(b *testing.B) {
	var nodes []*corev1.Node
	var others []*corev1.Pod
	for i := range 5000 {
		n := node(fmt.Sprintf("node-%04d", i))
		n.Status.Allocatable = podtest.Quantities("cpu=8 memory=32Gi pods=110")
		nodes = append(nodes, n)
		for k := range 30 {
			p := podtest.PodOn(n.Name, fmt.Sprintf("team-%d/p%d-%d", k%10, i, k), "cpu=230m memory=500Mi")
			p.Labels = map[string]string{"app": "shop"}
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "proxy", Resources: corev1.
				ResourceRequirements{Requests: podtest.Quantities("cpu=20m memory=64Mi")}})
			others = append(others, p)
		}
	}
	in := fleet(agent("cpu=100m"), agent("cpu=2500m", prior(10)), nodes, others...)
	for k := range 10 {
		in.Others.Budgets = append(in.Others.Budgets, &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("team-%d", k)}, Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{
			MatchLabels: map[string]string{"app": "shop"}}}})
	}
	var ours, helpers time.Duration
	for b.Loop() {
		start := time.Now()
		if p := Weigh(in); p.Outcome != Preempts {
			b.Fatal(p.Headline)
		}
		ours += time.Since(start)
		start = time.Now()
		for _, p := range in.Others.Pods {
			_ = room.RequestsOf(p)
		}
		helpers += time.Since(start)
	}
	b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms/plan")
	b.ReportMetric(ours.Seconds()/helpers.Seconds(), "x-PodRequests")
}
