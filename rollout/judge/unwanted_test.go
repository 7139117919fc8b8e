package judge

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
)

// A DaemonSet that is meant for few of the nodes, or for others than before, is judged as if all of them were gone
// into: whatever stands on the others, and whatever is known of them by name alone.
func TestNodesThatAreNotMeantAreJudgedAllTheSame(t *testing.T) {
	seen := map[string]int{} // so that the histories go where they are meant to go
	for seed := range 40 {
		f := newScattered(t, int64(seed))
		var c Cache
		var m, old rollout.Memory
		for range 80 {
			for range 1 + f.Intn(8)/5*f.Intn(4) {
				f.somethingHappens()
			}
			l := f.look()
			l.Now = l.Now.Add([]time.Duration{0, 0, 0, 0, 0, 0, -time.Minute}[f.Intn(7)])
			if f.Intn(12) == 0 {
				l.Leases = leases(l.Now.Add(-time.Duration(f.Intn(60))*time.Second), l.NodeNames()...)
			}
			if f.Intn(15) == 0 {
				l.DaemonSet = nil
			}
			if f.Intn(25) == 0 {
				l.Missing = []string{rollout.KindNodes}
				l.Nodes = l.Nodes[:f.Intn(2)*len(l.Nodes)] // what was read before, or nothing
			}
			before := m
			var j rollout.Judgement
			j, m = Rollout(l, f.target, before, f.options)
			followed := mustBeAlike(&c, l, f.target, before, f.options, j, m)
			mustBeTheSame(t, seed, j, followed.judgement)
			f.note(seen, l, j)
			switch n := f.Intn(10); {
			case n < 1:
				m = f.forgets(m)
			case n < 2:
				m, old = old, m
			case n < 3:
				m = f.knowsOf(m)
			}
		}
	}
	for _, what := range []string{"unwanted", "unwanted, with a pod", "unwanted, and failing before",
		"unwanted, braked for", "two of one name", "nothing counts"} {
		if seen[what] < 50 {
			t.Errorf("%s: only %d times", what, seen[what])
		}
	}
}

// Where the nodes must not be read any more, those that were read before are known still: a DaemonSet that is meant for
// none of them is not said to be taken off all its nodes.
func TestNodesThatAreNotReadAnyMoreAreNotMissed(t *testing.T) {
	f := newFleet(t, 2)
	f.apply(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "z"} })
	f.gone("node-1")
	f.gone("node-2")
	f.missing = []string{rollout.KindNodes}
	var c Cache
	for range 3 {
		l := f.after(10 * time.Minute).look()
		j, after := Rollout(l, f.target, f.memory, f.options)
		mustBeAlike(&c, l, f.target, f.memory, f.options, j, after)
		f.memory = after
		if hasCode(j, rollout.NoEligibleNodes) {
			t.Fatal(plain(j))
		}
	}
}

func hasCode(j rollout.Judgement, code rollout.Code) bool {
	return slices.ContainsFunc(j.Causes, func(c rollout.Cause) bool { return c.Code == code })
}

// mustBeTheSame holds what JSON does not tell: the nodes one by one, as whoever goes through them sees them.
func mustBeTheSame(t *testing.T, seed int, whole, followed rollout.Judgement) {
	t.Helper()
	a, b := slices.Collect(whole.Nodes.All()), slices.Collect(followed.Nodes.All())
	if !slices.Equal(a, b) || whole.Nodes.Len() != followed.Nodes.Len() ||
		whole.Nodes.IsZero() != followed.Nodes.IsZero() {
		t.Fatalf("seed %d: nodes\n%v\nof a whole look\n%v", seed, b, a)
	}
	whole.Nodes, followed.Nodes = rollout.NodeList{}, rollout.NodeList{}
	if jsonText(whole) == jsonText(followed) && !reflect.DeepEqual(emptied(whole), emptied(followed)) {
		t.Fatalf("seed %d:\n%+v\nof a whole look\n%+v", seed, followed, whole)
	}
}

// emptied has no lists that are there and empty: nobody can tell them from none.
func emptied(j rollout.Judgement) rollout.Judgement {
	v := reflect.ValueOf(&j).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	return j
}

// scattered is a cluster of which a DaemonSet is meant for some nodes.
type scattered struct{ *eventful }

func newScattered(t *testing.T, seed int64) *scattered {
	f := &scattered{newEventful(t, seed)}
	f.apply(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "b"} })
	f.target.HadNodes = f.Intn(2) == 0
	f.nodes = slices.Clone(f.nodes)
	for k := range f.nodes {
		f.nodes[k] = f.nodes[k].DeepCopy()
		f.nodes[k].Labels["pool"] = []string{"a", "a", "b", "c"}[f.Intn(4)]
		if f.Intn(3) > 0 {
			f.gone(f.nodes[k].Name)
		}
	}
	return f
}

func (f *scattered) somethingHappens() {
	if len(f.nodes) == 0 { // those that had one name have gone together
		f.joins("node-1")
	}
	node := f.nodes[f.Intn(len(f.nodes))].Name
	switch f.Intn(14) {
	case 0, 1:
		f.changesNode(node)
	case 2:
		f.gone(node)
	case 3:
		f.standsAstray(node)
	case 4:
		f.brakes(node)
	case 5:
		f.standsElsewhere()
	case 6:
		f.becomesAnother(node)
	case 7:
		f.target.HadNodes = !f.target.HadNodes
	case 8:
		f.change(func(d *appsv1.DaemonSet) { f.meansOthers(d) })
		if f.target.Generation = f.ds.Generation; f.Intn(4) > 0 {
			f.observe()
		}
	default:
		f.oneThing()
	}
}

// changesNode has a node become meant, or not meant any more, or not meant for another reason.
func (f *scattered) changesNode(name string) {
	f.nodes = slices.Clone(f.nodes)
	k := slices.IndexFunc(f.nodes, func(n *corev1.Node) bool { return n.Name == name })
	n := f.nodes[k].DeepCopy()
	f.nodes[k] = n
	switch f.Intn(6) {
	case 0:
		n.Spec.Taints = []corev1.Taint{{Key: fmt.Sprint("taint-", f.Intn(3)), Effect: corev1.TaintEffectNoExecute}}
	case 1:
		n.Spec.Taints = nil
	case 2:
		n.Name = f.nodes[f.Intn(len(f.nodes))].Name // two of one name
	case 3:
		n.Name = fmt.Sprintf("node-%d", f.Intn(200))
	default:
		n.Labels = map[string]string{"pool": []string{"a", "b", "c"}[f.Intn(3)]}
	}
}

// standsAstray has pods stand on a node, meant or not: of the DaemonSet, an orphan, one of another DaemonSet, or one
// that the kubelet itself runs; alive, going or over.
func (f *scattered) standsAstray(node string) {
	if f.Intn(6) == 0 {
		node = "nobody-knows" // by now, or yet
	}
	f.pods = slices.Clone(f.pods)
	p := f.newPod(node)
	switch f.Intn(6) {
	case 0:
		p.OwnerReferences = nil
	case 1:
		p.OwnerReferences[0].UID = "ds-other"
	case 2:
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node, UID: types.UID(node)}}
	}
	switch f.Intn(5) {
	case 0:
		f.ready(p)
	case 1:
		f.terminate(p)
	case 2:
		f.ends(f.runs(p), 3, "Error")
		p.Status.Phase = corev1.PodFailed
	case 3:
		p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
	}
}

// brakes has the brake be pulled for nodes, one of which nobody may know.
func (f *scattered) brakes(node string) {
	f.ds = f.ds.DeepCopy()
	f.ds.Annotations = map[string]string{manifests.BrakeAnnotation: "commit " + node + "," +
		f.nodes[f.Intn(len(f.nodes))].Name}
}

// standsElsewhere brings the nodes into another order, or takes some away at once.
func (f *scattered) standsElsewhere() {
	f.nodes = slices.Clone(f.nodes)
	f.Shuffle(len(f.nodes), func(i, k int) { f.nodes[i], f.nodes[k] = f.nodes[k], f.nodes[i] })
	if f.Intn(3) == 0 {
		f.nodes = f.nodes[:1+f.Intn(len(f.nodes))]
	}
}

// becomesAnother has a node be deleted and made anew under its name, with other labels.
func (f *scattered) becomesAnother(name string) {
	f.nodes = slices.DeleteFunc(slices.Clone(f.nodes), func(n *corev1.Node) bool { return n.Name == name })
	n := f.addNode(name)
	n.UID, n.Labels["pool"] = types.UID(fmt.Sprint("again-", f.Int())), []string{"a", "b"}[f.Intn(2)]
	f.Shuffle(len(f.nodes), func(i, k int) { f.nodes[i], f.nodes[k] = f.nodes[k], f.nodes[i] })
}

// meansOthers has the template mean other nodes.
func (f *scattered) meansOthers(d *appsv1.DaemonSet) {
	spec := &d.Spec.Template.Spec
	spec.NodeSelector, spec.Affinity, spec.Tolerations, spec.NodeName = nil, nil, nil, ""
	switch f.Intn(6) {
	case 0:
		of := func(key string, values ...string) []corev1.NodeSelectorRequirement {
			return []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}}
		}
		terms := []corev1.NodeSelectorTerm{{MatchExpressions: of("pool", "a", "c")},
			{MatchFields: of("metadata.name", "node-1")}}
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
	case 1:
		spec.Tolerations = []corev1.Toleration{{Key: "taint-1", Operator: corev1.TolerationOpExists}}
	case 2:
		spec.NodeName = "node-2"
	default:
		spec.NodeSelector = map[string]string{"pool": []string{"a", "b", "c", "d"}[f.Intn(4)]}
	}
}

// knowsOf has something be remembered of any node, as of an earlier look or flight.
func (f *scattered) knowsOf(m rollout.Memory) rollout.Memory {
	node := f.nodes[f.Intn(len(f.nodes))].Name
	switch f.Intn(7) {
	case 0:
		m.Ended = map[string]rollout.Ending{node: {Count: 2, UID: "pod-1", Container: "agent", Code: 3},
			"gone": {Count: 1}}
	case 1:
		m.Brake = []rollout.Cause{{Code: rollout.CrashLoop, Nodes: []string{node, "gone"}, Message: "exit code 3",
			Since: f.now, Final: true}}
	case 2:
		m.Lost = map[string]time.Time{node: f.now}
	case 3:
		m.Rejected = map[string]rollout.Rejections{node: {Count: 4, UID: "pod-1", Reason: "Evicted"}}
	case 4:
		m.Boots = map[string]string{node: "another"}
	case 5:
		m.Counted = []string{node}
	default:
		m.Since = map[string]time.Time{string(rollout.NoEligibleNodes) + "/" + node: f.now.Add(-9 * time.Minute)}
	}
	return m
}

// note counts what the histories come to.
func (f *scattered) note(seen map[string]int, l rollout.Look, j rollout.Judgement) {
	has := func(what string, is bool) {
		if is {
			seen[what]++
		}
	}
	has("nothing counts", j.Desired == 0)
	for n := range j.Nodes.All() {
		has("two of one name", len(l.Nodes) > j.Nodes.Len())
		if n.State != rollout.IsNotEligible {
			continue
		}
		has("unwanted", n.Pod == "")
		has("unwanted, with a pod", n.Pod != "")
		has("unwanted, braked for", n.Cause != "")
		has("unwanted, and failing before", slices.ContainsFunc(f.target.FailingBefore,
			func(b rollout.FailingNode) bool { return b.Node == n.Name }))
	}
}
