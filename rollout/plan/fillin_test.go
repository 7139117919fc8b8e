package plan

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// What a commit takes out of a template is a change, also of fields that the API server fills in: only its own defaults
// are the same as nothing.
func TestOnlyTheAPIServersDefaultsAreNoChange(t *testing.T) {
	long, half := int64(300), int64(30)
	for name, c := range map[string]struct {
		live  func(*appsv1.DaemonSet)
		rolls bool
	}{
		"a default":        {func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.TerminationGracePeriodSeconds = &half }, false},
		"its own patience": {func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.TerminationGracePeriodSeconds = &long }, true},
		"its own account":  {func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.ServiceAccountName = "agent" }, true},
		"its own rights": {func(d *appsv1.DaemonSet) {
			yes := true
			d.Spec.Template.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
		}, true},
		"its own policy": {func(d *appsv1.DaemonSet) {
			d.Spec.Template.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways
		}, true},
	} {
		in := fleet(agent("cpu=1", c.live), agent("cpu=1"), []*corev1.Node{node("a")})
		FillIn(&in.Current.Spec.Template) // as the API server did
		FillIn(&in.Next.Spec.Template)
		if p := Weigh(in); p.Rolls != c.rolls {
			t.Errorf("%s was taken out: rolls %v", name, p.Rolls)
		}
	}
}
