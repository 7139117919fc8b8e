package judge

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
)

func priorityClass(name string, value int32, change ...func(*schedulingv1.PriorityClass)) *schedulingv1.PriorityClass {
	c := &schedulingv1.PriorityClass{Value: value}
	c.Name = name
	for _, f := range change {
		f(c)
	}
	return c
}

// A DaemonSet whose pods the scheduler would preempt those for that it replaces is refused, whatever its priority comes
// from: its class, the default one of the cluster, or its template. What cannot preempt, or has no higher priority than
// the pods that run, is not.
func TestAHandoverMustNotPreempt(t *testing.T) {
	never := corev1.PreemptNever
	byDefault := func(c *schedulingv1.PriorityClass) { c.GlobalDefault = true }
	classes := []*schedulingv1.PriorityClass{
		priorityClass("low", -5), priorityClass("high", 1000), priorityClass("patient", 1000,
			func(c *schedulingv1.PriorityClass) { c.PreemptionPolicy = &never }),
	}
	withDefault := append(classes[:3:3], priorityClass("usual", 10, byDefault))
	for name, c := range map[string]struct {
		class    string
		has      int32 // priority of the pods that run
		classes  []*schedulingv1.PriorityClass
		template func(*corev1.PodSpec)
		refused  bool
	}{
		"higher class":              {"high", 0, classes, nil, true},
		"same class":                {"high", 1000, classes, nil, false},
		"lower class":               {"low", 0, classes, nil, false},
		"no class over negative":    {"", -5, classes, nil, true},
		"no class":                  {"", 0, classes, nil, false},
		"default class":             {"", 0, withDefault, nil, true},
		"default class, as before":  {"", 10, withDefault, nil, false},
		"named beside a default":    {"low", 0, withDefault, nil, false},
		"class that never preempts": {"patient", 0, classes, nil, false},
		"template never preempts": {"high", 0, classes, func(s *corev1.PodSpec) { s.PreemptionPolicy = &never },
			false},
		"number in the template": {"", 0, classes, func(s *corev1.PodSpec) {
			n := int32(7)
			s.Priority = &n
		}, true},
		"class that is not there": {"nowhere", 0, classes, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 3)
			for i, p := range f.pods {
				has := c.has
				if i == 0 {
					has += 5000 // one of them is no measure of the others
				}
				p.Spec.Priority = &has
			}
			next := f.ds.DeepCopy()
			next.Name = "new"
			next.Spec.Template.Spec.PriorityClassName = c.class
			if c.template != nil {
				c.template(&next.Spec.Template.Spec)
			}
			cause := ahead.LookAheadPreemption(rollout.Holder{DaemonSet: f.ds, Pods: f.pods}, next, c.classes)
			if (cause != nil) != c.refused {
				t.Fatalf("%+v", cause)
			}
			if cause != nil && (!strings.Contains(cause.Message, "at once") || !strings.Contains(cause.Remedy,
				"priorityClassName of the old one (none)")) {
				t.Errorf("%+v", cause)
			}
		})
	}
	f := newFleet(t, 1)
	f.pods = nil
	if cause := ahead.LookAheadPreemption(rollout.Holder{DaemonSet: f.ds}, withClass(f.ds, "high"),
		classes); cause != nil {
		t.Errorf("nothing runs that could be preempted: %+v", cause)
	}
}

func withClass(d *appsv1.DaemonSet, class string) *appsv1.DaemonSet {
	d = d.DeepCopy()
	d.Spec.Template.Spec.PriorityClassName = class
	return d
}

// A DaemonSet that takes over from one of higher priority is warned of: the way back would preempt its pods.
func TestAHandoverWithoutAWayBackIsWarnedOf(t *testing.T) {
	never := corev1.PreemptNever
	classes := []*schedulingv1.PriorityClass{priorityClass("high", 1000), priorityClass("patient", 1000,
		func(c *schedulingv1.PriorityClass) { c.PreemptionPolicy = &never })}
	f := newFleet(t, 1)
	for class, warned := range map[string]bool{"high": true, "patient": false, "": false, "nowhere": false} {
		old := rollout.Holder{DaemonSet: withClass(f.ds, class), Pods: f.pods}
		if got := ahead.NoWayBack(old, f.ds, classes); (got != "") != warned {
			t.Errorf("%s: %q", class, got)
		}
	}
}
