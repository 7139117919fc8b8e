package plan

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// quota is a ResourceQuota of the agent's namespace of which so much is used.
func quota(hard, used string, changes ...func(*corev1.ResourceQuota)) *corev1.ResourceQuota {
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "limit"}}
	q.Spec.Hard = podtest.Quantities(hard)
	q.Status.Hard, q.Status.Used = q.Spec.Hard, podtest.Quantities(used)
	for _, change := range changes {
		change(q)
	}
	return q
}

// scoped has a quota count only pods in a scope.
func scoped(name corev1.ResourceQuotaScope) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) { q.Spec.Scopes = append(q.Spec.Scopes, name) }
}

// ofClass has a quota count only pods by their PriorityClass.
func ofClass(o corev1.ScopeSelectorOperator, values ...string) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) {
		q.Spec.ScopeSelector = &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{{
			ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: o, Values: values}}}
	}
}

func classed(name string) func(*appsv1.DaemonSet) {
	return func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.PriorityClassName = name }
}

// A quota counts only the pods in all of its scopes: one that does not count the agent's pods never speaks against
// them, and one that does is weighed like any other.
func TestAQuotaCountsThePodsOfItsScopes(t *testing.T) {
	var deadline int64 = 60
	far := func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 1,
				PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: "zone", Namespaces: []string{"other"}}}}}}
	}
	ends := func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.ActiveDeadlineSeconds = &deadline }
	for name, c := range map[string]struct {
		next *appsv1.DaemonSet
		q    *corev1.ResourceQuota
		over bool
	}{
		"no scope":              {agent("cpu=1"), quota("pods=2", "pods=1"), true},
		"one that runs on":      {agent("cpu=1"), quota("pods=2", "pods=1", scoped("NotTerminating")), true},
		"one that ends":         {agent("cpu=1"), quota("pods=2", "pods=1", scoped("Terminating")), false},
		"with a deadline":       {agent("cpu=1", ends), quota("pods=2", "pods=1", scoped("Terminating")), true},
		"best effort":           {agent(""), quota("pods=2", "pods=1", scoped("BestEffort")), true},
		"asks for something":    {agent("cpu=1"), quota("pods=2", "pods=1", scoped("BestEffort")), false},
		"not best effort":       {agent("memory=1Mi"), quota("pods=2", "pods=1", scoped("NotBestEffort")), true},
		"its class":             {agent("", classed("gold")), quota("pods=2", "pods=1", ofClass("In", "gold")), true},
		"another class":         {agent("", classed("gold")), quota("pods=2", "pods=1", ofClass("In", "tin")), false},
		"any but another":       {agent("", classed("gold")), quota("pods=2", "pods=1", ofClass("NotIn", "tin")), true},
		"any class":             {agent("", classed("gold")), quota("pods=2", "pods=1", ofClass("Exists")), true},
		"none of a class":       {agent("", classed("gold")), quota("pods=2", "pods=1", ofClass("DoesNotExist")), false},
		"the default class":     {agent(""), quota("pods=2", "pods=1", ofClass("In", "usual")), true},
		"near other namespaces": {agent("", far), quota("pods=2", "pods=1", scoped("CrossNamespacePodAffinity")), true},
		"near nobody":           {agent(""), quota("pods=2", "pods=1", scoped("CrossNamespacePodAffinity")), false},
		"both of two": {agent("", classed("gold")), quota("pods=2", "pods=1", scoped("BestEffort"),
			ofClass("In", "gold")), true},
		"one of two": {agent("cpu=1", classed("gold")), quota("pods=2", "pods=1", scoped("BestEffort"),
			ofClass("In", "gold")), false},
	} {
		t.Run(name, func(t *testing.T) {
			in := fleet(nil, c.next, []*corev1.Node{node("a"), node("b")})
			in.Classes = []*schedulingv1.PriorityClass{{ObjectMeta: metav1.ObjectMeta{Name: "gold"}, Value: 7},
				{ObjectMeta: metav1.ObjectMeta{Name: "usual"}, GlobalDefault: true}}
			in.Quotas = []*corev1.ResourceQuota{c.q}
			p := Weigh(in)
			if over := p.Outcome == Refused; over != c.over {
				t.Errorf("%s: %s, %v", p.Outcome, p.Headline, p.NotWeighed)
			}
			if all := strings.Join(p.NotWeighed, "; "); strings.Contains(all, "ResourceQuota") {
				t.Errorf("it was weighed, and is said not to be: %s", all)
			}
		})
	}
}

// Old pods that go first make room in a quota only if it counted them: a commit that changes the class of its pods
// needs room for all of them in the quota of the new one.
func TestOnlyWhatAQuotaCountedGoesFirst(t *testing.T) {
	nodes := []*corev1.Node{node("a"), node("b")}
	in := fleet(agent("cpu=1", classed("tin")), agent("cpu=1", classed("tin"), func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Image = "agent:v2"
	}), nodes)
	for _, p := range in.Pods {
		p.Spec.PriorityClassName = "tin"
	}
	in.Quotas = []*corev1.ResourceQuota{quota("pods=2", "pods=2", ofClass("In", "tin"))}
	if p := Weigh(in); p.Outcome != Fits {
		t.Errorf("the old ones go first: %s", p.Headline)
	}
	in.Next = agent("cpu=1", classed("gold"))
	in.Quotas = append(in.Quotas, quota("pods=1", "pods=0", ofClass("In", "gold")))
	if p := Weigh(in); p.Outcome != Refused || !strings.Contains(p.Headline, "need 2 more of pods, and 0 of 1 is used") {
		t.Errorf("%s: %s", p.Outcome, p.Headline)
	}
}

// A quota that cannot be weighed is named, with why, and speaks neither for nor against the commit.
func TestAQuotaThatCannotBeWeighedIsNamed(t *testing.T) {
	uncounted := func(q *corev1.ResourceQuota) { q.Status = corev1.ResourceQuotaStatus{} }
	for says, change := range map[string]func(*Input){
		"ResourceQuota limit: it counts pods by scope Phase, of which nothing is known": func(in *Input) {
			in.Quotas = []*corev1.ResourceQuota{quota("pods=0", "pods=0", scoped("Phase"))}
		},
		"ResourceQuota limit: it counts pods by their PriorityClass, and the one that pods get by default": func(in *Input) {
			in.Quotas = []*corev1.ResourceQuota{quota("pods=0", "pods=0", ofClass("Exists"))}
			in.Unread = []rollout.Unknown{{Kind: KindClasses, Why: "forbidden"}}
		},
		"ResourceQuota limit: how much of it is used has not been counted yet": func(in *Input) {
			in.Quotas = []*corev1.ResourceQuota{quota("pods=0", "", uncounted)}
		},
		"ResourceQuotas of the namespace: they could not be read": func(in *Input) {
			in.Unread = []rollout.Unknown{{Kind: rollout.KindQuotas, Why: "forbidden"}}
		},
	} {
		in := fleet(nil, agent(""), []*corev1.Node{node("a")})
		change(&in)
		if p := Weigh(in); p.Outcome != Fits || !strings.Contains(strings.Join(p.NotWeighed, "; "), says) {
			t.Errorf("want %q: %s: %v", says, p.Headline, p.NotWeighed)
		}
	}
}

// DaemonSets of one commit share the quotas of their namespace: each would fit alone, and both do not.
func TestACommitSharesItsQuotas(t *testing.T) {
	n := []*corev1.Node{node("a")}
	logs := agent("cpu=900m", func(d *appsv1.DaemonSet) { d.Name, d.UID = "logs", "uid-logs" })
	a, b := fleet(nil, agent("cpu=200m"), n), fleet(nil, logs, n)
	a.Quotas = []*corev1.ResourceQuota{quota("cpu=1", "cpu=0")}
	b.Quotas = a.Quotas
	if alone := Weigh(b); alone.Outcome != Fits {
		t.Fatalf("alone: %s", alone.Headline)
	}
	for _, p := range Commit([]Input{a, b}) {
		if p.Outcome != Refused || !strings.Contains(p.Headline, "those of other DaemonSets of the commit need 1100m more") {
			t.Errorf("%s: %s", p.Name, p.Headline)
		}
	}
}
