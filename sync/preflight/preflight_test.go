package preflight

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// agent is a DaemonSet whose pods ask for this.
func agent(asks string) *appsv1.DaemonSet {
	return podtest.Daemon("agent", func(s *corev1.PodSpec) {
		s.Containers[0].Resources.Requests = podtest.Quantities(asks)
	})
}

// fleet are nodes a, b and c with so much each, on which a DaemonSet runs, or none.
func fleet(current *appsv1.DaemonSet, has ...string) rollout.Look {
	look := rollout.Look{DaemonSet: current}
	for i, allocatable := range has {
		look.Nodes = append(look.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: string(rune('a' + i))},
			Status: corev1.NodeStatus{Allocatable: podtest.Quantities(allocatable)}})
	}
	return look
}

var twoSmall = []string{"cpu=2 memory=4Gi pods=10", "cpu=2 memory=2Gi pods=10", "cpu=8 memory=64Gi pods=10"}

// A pod that is larger than the whole of a node does not fit it: the message says on how many nodes, by how much, and to
// those who may read the Sync on which.
func TestWhereAPodDoesNotFit(t *testing.T) {
	next := agent("cpu=100m memory=8Gi")
	found := Weigh(fleet(agent("cpu=100m memory=1Gi"), twoSmall...), next, rollout.Options{}, true)
	want := "pods of DaemonSet " + next.Namespace + "/agent would not fit 2 of 3 nodes: each asks for memory 8Gi, and the " +
		"largest of these nodes has 4Gi"
	if !found.Serious || string(found.Message.Public) != want || found.Message.Private != want+" (a, b)" {
		t.Errorf("%+v", found)
	}
	if told := Weigh(fleet(nil, twoSmall...), next, rollout.Options{}, false); told.Message.Private != want {
		t.Errorf("without names %+v", told)
	}
	if fits := Weigh(fleet(nil, twoSmall...), agent("cpu=100m memory=1Gi"), rollout.Options{}, true); fits != (Finding{}) {
		t.Errorf("what fits is found as %+v", fits)
	}
}

// A node that is too small for the pods of today is made no worse by the commit, which may be the fix of others.
func TestANodeThatWasTooSmallBeforeCountsForNothing(t *testing.T) {
	found := Weigh(fleet(agent("memory=8Gi"), twoSmall...), agent("memory=9Gi"), rollout.Options{}, true)
	if found != (Finding{}) {
		t.Errorf("%+v", found)
	}
}

// As many nodes as may fail are told of and hold nothing.
func TestAsManyNodesAsMayFailAreNotSerious(t *testing.T) {
	for budget, serious := range map[int32]bool{1: true, 2: false} {
		found := Weigh(fleet(nil, twoSmall...), agent("memory=8Gi"),
			rollout.Options{FailureBudget: intstr.FromInt32(budget)}, true)
		if found.Serious != serious || found.Message.Private == "" {
			t.Errorf("with %d: %+v", budget, found)
		}
	}
}

// Where nothing is known nothing is found: of nodes that could not be read, of what else stands on them, and of devices
// that a node does not have yet.
func TestWhatIsNotKnownIsNoMisfit(t *testing.T) {
	for name, c := range map[string]struct {
		has  []string
		asks string
	}{
		"no nodes":         {nil, "memory=8Gi"},
		"devices to come":  {twoSmall, "example.com/gpu=1"},
		"no status yet":    {[]string{"", "", ""}, "memory=8Gi"},
		"exactly the node": {[]string{"cpu=2 memory=8Gi pods=1"}, "cpu=2 memory=8Gi"},
	} {
		if found := Weigh(fleet(nil, c.has...), agent(c.asks), rollout.Options{}, true); found != (Finding{}) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// Pods that the commit leaves alone are not weighed.
func TestPodsThatStayAreNotWeighed(t *testing.T) {
	now := agent("memory=8Gi")
	if found := Weigh(fleet(now, twoSmall...), now.DeepCopy(), rollout.Options{}, true); found != (Finding{}) {
		t.Errorf("%+v", found)
	}
}

// eyes are an Observer that sees one look, or nothing.
type eyes struct {
	look    rollout.Look
	blind   bool
	watched string
}

func (e *eyes) Watch(key string, _ []rollout.Target, _ func()) { e.watched = key }
func (e *eyes) Unwatch(string)                                 { e.watched = "" }
func (e *eyes) Look(rollout.Target) (rollout.Look, bool)       { return e.look, !e.blind }
func (e *eyes) sees(current *appsv1.DaemonSet, has ...string)  { e.look = fleet(current, has...) }
func keep(e *eyes, next *appsv1.DaemonSet, found Finding) *Vigil {
	weigh := func(look rollout.Look, d *appsv1.DaemonSet) Finding { return Weigh(look, d, rollout.Options{}, true) }
	return Keep(e, "key", []*appsv1.DaemonSet{next}, weigh, found, func() {})
}

// A vigil tells once that something else is found, nothing of what cannot be seen, and nothing of changes that make no
// difference. It watches until it ends.
func TestAVigilTellsWhenPodsFit(t *testing.T) {
	e, next := &eyes{}, agent("memory=8Gi")
	e.sees(nil, twoSmall...)
	v := keep(e, next, Weigh(e.look, next, rollout.Options{}, true))
	if e.watched != "key" || v.News() {
		t.Fatal("news of what is as it was")
	}
	e.blind = true
	e.sees(nil)
	if v.News() {
		t.Error("news of what cannot be seen")
	}
	e.blind = false
	e.sees(nil, "memory=4Gi pods=20", "memory=2Gi pods=10", "memory=128Gi pods=10")
	if v.News() {
		t.Error("news of what makes no difference")
	}
	e.sees(nil, "memory=16Gi pods=20", "memory=16Gi pods=10")
	if !v.News() || v.News() || v.Found() != (Finding{}) {
		t.Errorf("that pods fit is not told once: %+v", v.Found())
	}
	if v.End(); e.watched != "" {
		t.Error("it still watches")
	}
}

// Nodes that come and are large enough are no news, whatever the message says of how many there are; one more that is
// too small is.
func TestNodesThatAreLargeEnoughAreNoNews(t *testing.T) {
	e, next := &eyes{}, agent("memory=8Gi")
	e.sees(nil, twoSmall...)
	v := keep(e, next, Weigh(e.look, next, rollout.Options{}, true))
	grown := append(slices.Clone(twoSmall), "memory=64Gi pods=10")
	if e.sees(nil, grown...); v.News() {
		t.Error("news of a node that is large enough")
	}
	if e.sees(nil, append(grown, "memory=4Gi pods=10")...); !v.News() || v.News() {
		t.Error("a further node that is too small is not told once")
	}
	serious := Finding{Serious: true, nodes: "ns/agent: a\n"}
	if fewer := (Finding{nodes: serious.nodes}); !fewer.differs(serious) || serious.differs(serious) {
		t.Error("that no more nodes than may fail are too small is no news")
	}
}
