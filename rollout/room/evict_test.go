package room

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// relief is what would make room for a pod that asks for one cpu on node-1, which has two.
func relief(o rollout.Others) rollout.Relief {
	o.Nodes = []string{"node-1"}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"},
		Status: corev1.NodeStatus{Allocatable: podtest.Quantities("cpu=2")}}
	_, r := NewCrowd(nil, o).Measure(podtest.PodOn("", "platform/agent", "cpu=1"), node)
	return *r
}

// Of the pods whose eviction would make room the least harm is offered: replicated ones that their budget allows before
// those without a budget, these before a single one, and last what nothing makes again, what the cluster needs, and
// what its budget forbids; the lower priority before the higher; one pod before several. A DaemonSet's pod and the
// kubelet's own are never offered.
func TestTheLeastHarmIsOffered(t *testing.T) {
	shop, cart, lone := podtest.OwnedBy("ReplicaSet", "shop-5d"), podtest.OwnedBy("ReplicaSet", "cart-7f"),
		podtest.OwnedBy("ReplicaSet", "lone-1a")
	owners := map[types.UID]rollout.Owner{
		"ReplicaSetshop-5d": {Kind: "Deployment", Name: "shop", Replicas: 3}, "ReplicaSetcart-7f": {Kind: "Deployment",
			Name: "cart", Replicas: 2}, "ReplicaSetlone-1a": {Kind: "Deployment", Name: "lone", Replicas: 1},
		"StatefulSetdb": {Kind: "StatefulSet", Name: "db", Replicas: 3},
	}
	app := func(name string) func(*corev1.Pod) { return podtest.Labelled("app", name) }
	budgets := []*policyv1.PodDisruptionBudget{podtest.Budget("web", "shop", 1), podtest.Budget("web", "db", 0)}
	for _, c := range []struct {
		name string
		pods []*corev1.Pod
		want string
		says string
	}{
		{"a budget that allows it goes before none", []*corev1.Pod{podtest.Made("web/cart", "cpu=1", cart),
			podtest.Made("web/shop", "cpu=1", shop, app("shop"))}, "web/shop", "Deployment shop"},
		{"replicated before single", []*corev1.Pod{podtest.Made("web/lone", "cpu=1", lone),
			podtest.Made("web/cart", "cpu=1", cart)}, "web/cart", "another one is made"},
		{"single before unmanaged", []*corev1.Pod{podtest.Made("web/bare", "cpu=1"), podtest.Made("web/lone", "cpu=1",
			lone)}, "web/lone", ""},
		{"unmanaged does not come back", []*corev1.Pod{podtest.Made("web/bare", "cpu=1"),
			podtest.Made("web/node", "cpu=1", podtest.OwnedBy("DaemonSet", "x"))}, "web/bare", "does NOT come back"},
		{"unmanaged before the cluster's own", []*corev1.Pod{podtest.Made("web/bare", "cpu=1"),
			podtest.Made("kube-system/dns", "cpu=1", cart, podtest.Ranked(2_000_000_000))}, "web/bare", ""},
		{"a budget that forbids it is last",
			[]*corev1.Pod{podtest.Made("web/db", "cpu=1", podtest.OwnedBy("StatefulSet", "db"), app("db")),
				podtest.Made("web/bare", "cpu=1")}, "web/bare", ""},
		{"but is said if nothing else helps",
			[]*corev1.Pod{podtest.Made("web/db", "cpu=1", podtest.OwnedBy("StatefulSet", "db"), app("db")),
				podtest.Made("web/x", "cpu=1", podtest.OwnedBy("DaemonSet", "x"))},
			"web/db", "allows none now"},
		{"the lower priority", []*corev1.Pod{podtest.Made("web/high", "cpu=1", cart, podtest.Ranked(5)),
			podtest.Made("web/low", "cpu=1", cart, podtest.Ranked(-5))}, "web/low", ""},
		{"one that is enough before several", []*corev1.Pod{podtest.Made("web/a", "cpu=400m", cart),
			podtest.Made("web/b", "cpu=400m", cart), podtest.Made("web/c", "cpu=1200m", cart)}, "web/c", ""},
		{"the smallest that is enough", []*corev1.Pod{podtest.Made("web/a", "cpu=500m", cart),
			podtest.Made("web/b", "cpu=300m", cart), podtest.Made("web/c", "cpu=1200m", cart)}, "web/c", ""},
		{"as few as do", []*corev1.Pod{podtest.Made("web/a", "cpu=300m", cart), podtest.Made("web/b", "cpu=500m", cart),
			podtest.Made("web/c", "cpu=500m", cart), podtest.Made("web/d", "cpu=700m", cart)}, "web/d web/b", ""},
		{"more harm only as far as needed", []*corev1.Pod{podtest.Made("web/a", "cpu=600m", cart),
			podtest.Made("web/bare", "cpu=700m"), podtest.Made("web/bare2", "cpu=700m")}, "web/a web/bare", ""},
		{"a Job", []*corev1.Pod{podtest.Made("web/job", "cpu=2", podtest.OwnedBy("Job", "import"))}, "web/job",
			"begins that pod's work again"},
		{"a StatefulSet", []*corev1.Pod{podtest.Made("web/db", "cpu=2", podtest.OwnedBy("StatefulSet", "db"))},
			"web/db", "made again under its name"},
		{"somebody else's", []*corev1.Pod{podtest.Made("web/x", "cpu=2", podtest.OwnedBy("Workflow", "x"))}, "web/x",
			"up to Workflow x"},
		{"never the kubelet's own", []*corev1.Pod{podtest.Made("kube-system/proxy", "cpu=1",
			podtest.OwnedBy("Node", "node-1")),
			podtest.Made("kube-system/static", "cpu=1",
				func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} })}, "",
			"no eviction makes room"},
		{"what is ending is not evicted",
			[]*corev1.Pod{podtest.Made("web/a", "cpu=1500m", cart,
				func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }), podtest.Made("web/b", "cpu=500m", cart)},
			"", "already leaves room enough"},
		{"what is ending counts", []*corev1.Pod{podtest.Made("web/a", "cpu=500m", cart,
			func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }), podtest.Made("web/b", "cpu=500m", cart),
			podtest.Made("web/c", "cpu=1", cart)},
			"web/b", ""},
		{"a budget is spent only once", []*corev1.Pod{podtest.Made("web/s1", "cpu=500m", shop, app("shop")),
			podtest.Made("web/s2", "cpu=500m", shop, app("shop")), podtest.Made("web/c", "cpu=1", lone)}, "web/c", ""},
		{"and that is said", []*corev1.Pod{podtest.Made("web/s1", "cpu=1", shop, app("shop")),
			podtest.Made("web/s2", "cpu=1", shop, app("shop"))}, "web/s1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := relief(rollout.Others{Pods: c.pods, Budgets: budgets, Owners: owners})
			var got []string
			for _, e := range r.Evict {
				got = append(got, e.Pod)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %s\n%+v", got, c.want, r)
			}
			if text := fmt.Sprintf("%+v", r); !strings.Contains(text, c.says) {
				t.Errorf("%q is not said of %s", c.says, text)
			}
		})
	}
}

// Two pods of one budget that allows one: both are named where only both make room, and the second as one that has to
// wait.
func TestABudgetIsNotSpentTwice(t *testing.T) {
	shop := podtest.OwnedBy("ReplicaSet", "shop-5d")
	r := relief(rollout.Others{Whole: true, Budgets: []*policyv1.PodDisruptionBudget{podtest.Budget("web", "shop", 1)},
		Pods: []*corev1.Pod{
			podtest.Made("web/s1", "cpu=600m", shop, podtest.Labelled("app", "shop")),
			podtest.Made("web/s2", "cpu=600m", shop, podtest.Labelled("app", "shop")), podtest.Made("web/x", "cpu=800m",
				podtest.OwnedBy("DaemonSet", "x"))}})
	if len(r.Evict) != 2 || r.Evict[0].Refused != "" || !strings.Contains(r.Evict[1].Refused, "so many at once") {
		t.Errorf("%+v", r)
	}
	if r.Evict[0].Replicas != 2 || *r.Evict[0].Allows != 1 || r.Evict[0].Budget != "shop" {
		t.Errorf("%+v", r.Evict[0])
	}
}

// A budget says nothing of a pod that does not run yet, lets go of one that is not Ready where its policy is so, and of
// a pod with two budgets no eviction is ever allowed.
func TestWhatBudgetsAllow(t *testing.T) {
	always := policyv1.AlwaysAllow
	unready := func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }
	closed, lenient, enough := podtest.Budget("web", "a", 0), podtest.Budget("web", "a", 0),
		podtest.Budget("web", "a", 0)
	lenient.Spec.UnhealthyPodEvictionPolicy = &always
	enough.Status.CurrentHealthy = 2
	other := podtest.Budget("web", "b", 3)
	other.Spec.Selector = &metav1.LabelSelector{} // all of the namespace
	nobody := podtest.Budget("web", "c", 0)
	nobody.Spec.Selector = nil
	for _, c := range []struct {
		name    string
		budgets []*policyv1.PodDisruptionBudget
		change  func(*corev1.Pod)
		refused string
	}{
		{"closed", []*policyv1.PodDisruptionBudget{closed}, func(*corev1.Pod) {}, "none now"},
		{"not Ready", []*policyv1.PodDisruptionBudget{closed}, unready, "none now"},
		{"not Ready, always allowed", []*policyv1.PodDisruptionBudget{lenient}, unready, ""},
		{"not Ready, enough others are", []*policyv1.PodDisruptionBudget{enough}, unready, ""},
		{"pending", []*policyv1.PodDisruptionBudget{closed}, func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending },
			""},
		{"two", []*policyv1.PodDisruptionBudget{podtest.Budget("web", "a", 1), other}, func(*corev1.Pod) {},
			"2 PodDisruptionBudgets"},
		{"another namespace's", []*policyv1.PodDisruptionBudget{podtest.Budget("db", "a", 0)}, func(*corev1.Pod) {},
			""},
		{"nobody's", []*policyv1.PodDisruptionBudget{nobody}, func(*corev1.Pod) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := podtest.With(podtest.Made("web/a", "cpu=2", podtest.OwnedBy("StatefulSet", "a"),
				podtest.Labelled("app", "a")), c.change)
			r := relief(rollout.Others{Pods: []*corev1.Pod{p}, Budgets: c.budgets})
			if len(r.Evict) != 1 || (c.refused == "") != (r.Evict[0].Refused == "") ||
				!strings.Contains(r.Evict[0].Refused, c.refused) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Where no eviction helps it is said why.
func TestWhereNoEvictionHelps(t *testing.T) {
	c := NewCrowd(nil, rollout.Others{Nodes: []string{"node-1"}, Pods: []*corev1.Pod{
		podtest.Made("web/a", "cpu=500m"), podtest.Made("web/x", "cpu=1500m", podtest.OwnedBy("DaemonSet", "x"),
			podtest.Port("", "", 80))}})
	node := &corev1.Node{Status: corev1.NodeStatus{Allocatable: podtest.Quantities("cpu=2")}}
	for asks, want := range map[string]string{"cpu=1": "leave cpu short by 500m",
		"cpu=3": "the whole node has less cpu"} {
		p := podtest.PodOn("", "platform/agent", asks)
		standing := c.standingFor(p, "node-1")
		r := c.relieve("node-1", lacksOf(p, node, standing), standing)
		if len(r.Evict) > 0 || !strings.Contains(strings.Join(r.Notes, ""), want) {
			t.Errorf("%s: %+v", asks, r)
		}
	}
	p := podtest.With(podtest.PodOn("", "platform/agent", ""), podtest.Port("", "", 80))
	standing := c.standingFor(p, "node-1")
	if r := c.relieve("node-1", lacksOf(p, node, standing), standing); !strings.Contains(strings.Join(r.Notes, ""),
		"80/TCP is held by a pod of a DaemonSet") {
		t.Errorf("%+v", r)
	}
}

// Whatever stands on a node: what is offered is enough, none of it is superfluous, nothing is offered that does more
// harm than is needed, and of pods that are as harmful as each other no smaller number would do.
func TestWhatIsOfferedIsEnoughAndNoMore(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	for range 3000 {
		var from []candidate
		for i := range 1 + random.IntN(9) {
			p := podtest.PodOn("n", fmt.Sprintf("a/p%d", i), "")
			priority := int32(random.IntN(2))
			p.Spec.Priority = &priority
			held := int64(1 + random.IntN(6))
			from = append(from, candidate{pod: p, harm: harm(random.IntN(3)), holds: []int64{held},
				size: float64(held)})
		}
		need := []int64{int64(1 + random.IntN(15))}
		all := slices.Clone(from)
		got := choose(need, from)
		if got == nil {
			if enough(need, all) {
				t.Fatalf("nothing is chosen of %v for %v", all, need)
			}
			continue
		}
		if !enough(need, got) {
			t.Fatalf("%v is not enough of %v for %v", got, all, need)
		}
		worst := slices.MaxFunc(got, byHarm)
		for i := range got {
			if enough(need, slices.Delete(slices.Clone(got), i, i+1)) {
				t.Fatalf("%v of %v is more than %v", got, all, need)
			}
		}
		better := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return byHarm(c, worst) >= 0 })
		if enough(need, better) {
			t.Fatalf("%v does more harm than is needed for %v, of %v", got, need, all)
		}
		alike := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return byHarm(c, worst) != 0 })
		if len(better) == 0 && len(got) > fewest(need[0], alike) {
			t.Fatalf("%v of %v is more than the %d needed for %v", got, all, fewest(need[0], alike), need)
		}
	}
}

// fewest is how many pods are needed at least: the largest ones.
func fewest(need int64, from []candidate) int {
	slices.SortFunc(from, func(a, b candidate) int { return int(b.holds[0] - a.holds[0]) })
	for i, c := range from {
		if need -= c.holds[0]; need <= 0 {
			return i + 1
		}
	}
	return len(from) + 1
}
