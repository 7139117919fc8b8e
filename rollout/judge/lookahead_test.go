package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
)

// ahead is what a change would do to the fleet's DaemonSet.
func (f *fleet) ahead(change func(*appsv1.DaemonSet)) ahead.Ahead {
	next := f.ds.DeepCopy()
	change(next)
	return ahead.LookAhead(f.ds, next, f.nodes, f.pods, f.now, f.options)
}

// A commit that takes the DaemonSet off all its nodes, or off more than half of them, is refused before its first
// write, unless the object says that it is meant.
func TestACommitThatRemovesNodesIsRefused(t *testing.T) {
	f := newFleet(t, 4)
	onto := func(pool string) func(*appsv1.DaemonSet) {
		return func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": pool} }
	}
	a := f.ahead(onto("nowhere"))
	if a.Refused == nil || a.Refused.Code != rollout.NoEligibleNodes || len(a.Refused.Nodes) != 4 ||
		!strings.Contains(a.Refused.Remedy, ahead.AllowRemoval) {
		t.Errorf("%+v", a.Refused)
	}
	for i, refused := range []bool{true, false, false, false} {
		f.nodes[i].Labels = map[string]string{"pool": "b"}
		if a := f.ahead(onto("b")); (a.Refused != nil) != refused {
			t.Errorf("%d of 4 stay: %+v", i+1, a.Refused)
		}
	}
	for _, n := range f.nodes {
		n.Labels = map[string]string{"pool": "a"}
	}
	meant := f.ahead(func(d *appsv1.DaemonSet) {
		onto("nowhere")(d)
		d.Annotations = map[string]string{ahead.AllowRemoval: "true"}
	})
	if meant.Refused != nil {
		t.Errorf("%+v", meant.Refused)
	}
	f.options.MaxRemoved, _ = rollout.ParseBudget("100%")
	if f.ahead(onto("nowhere")).Refused == nil {
		t.Error("all nodes at once were let go by a percentage")
	}
}

// A commit that changes the template and raises minReadySeconds above the age of more old pods than may be unavailable
// is held until they are old enough: the controller would replace them all at once.
func TestARaisedMinReadySecondsIsHeld(t *testing.T) {
	f := newFleet(t, 3)
	for i, p := range f.pods {
		podAge := []time.Duration{10, 20, 30}[i] * time.Second
		p.Status.Conditions[0].LastTransitionTime.Time = f.now.Add(-podAge)
	}
	raise := func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 60; d.Spec.Template.Spec.HostNetwork = true }
	a := f.ahead(raise)
	if a.Hold == "" || !a.HoldUntil.Equal(f.now.Add(40*time.Second)) {
		t.Errorf("%+v", a)
	}
	f.after(40*time.Second - 1)
	if f.ahead(raise).Hold == "" {
		t.Error("let go too early")
	}
	if a := f.after(1).ahead(raise); a.Hold != "" {
		t.Errorf("%+v", a)
	}
	f.after(-40 * time.Second)
	for name, harmless := range map[string]func(*appsv1.DaemonSet){
		"template left alone": func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 60 },
		"not raised":          func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.HostNetwork = true },
		"OnDelete":            func(d *appsv1.DaemonSet) { raise(d); d.Spec.UpdateStrategy.Type = "OnDelete" },
		"all may be away": func(d *appsv1.DaemonSet) {
			raise(d)
			all := intstr.FromString("100%")
			d.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &all
		},
	} {
		if a := f.ahead(harmless); a.Hold != "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// minReadySeconds 0 is warned of, also in a DaemonSet that is new.
func TestMinReadySecondsOfZeroIsWarnedOf(t *testing.T) {
	f := newFleet(t, 1)
	if a := ahead.LookAhead(nil, f.ds, f.nodes, nil, f.now, rollout.Options{}); len(a.Warnings) != 1 ||
		a.Refused != nil {
		t.Errorf("%+v", a)
	}
	if a := f.ahead(func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 30 }); len(a.Warnings) != 0 {
		t.Errorf("%+v", a)
	}
}
