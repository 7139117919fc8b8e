package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// Each risk is told where it is, with what to do, and not where it is not.
func TestRisksAreTold(t *testing.T) {
	n := []*corev1.Node{node("node-1")}
	v1 := agent("cpu=1m")
	config := Reference{"ConfigMap", "platform", "agent"}
	mounts := func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.
			ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "agent"}}}}
	}
	mounted := func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "agent"}}}}}
	}
	image := func(name string) func(*appsv1.DaemonSet) {
		return func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Containers[0].Image = name }
	}
	budget := func(change func(*policyv1.PodDisruptionBudget)) Input {
		in := fleet(v1, agent("cpu=2m"), n)
		b := podtest.Budget("platform", "agent", 0)
		change(b)
		in.Others.Budgets = []*policyv1.PodDisruptionBudget{b}
		return in
	}
	changed := func(in Input) Input { in.Changes = []Reference{config}; return in }
	half, two := intstr.FromString("50%"), intstr.FromInt32(2)
	for _, c := range []struct {
		name string
		in   Input
		want string
	}{
		{"none", fleet(v1, agent("cpu=2m"), n), ""},
		{"a ConfigMap in place", changed(fleet(agent("cpu=1m", mounts), agent("cpu=1m", mounts), n)), ChangesInPlace},
		{"with the template", changed(fleet(agent("cpu=1m", mounts), agent("cpu=2m", mounts), n)), ""},
		{"mounted, with the template", changed(fleet(agent("cpu=1m", mounted), agent("cpu=2m", mounted), n)), ChangesInPlace},
		{"of others", changed(fleet(v1, agent("cpu=1m"), n)), ""},
		{"no minReadySeconds", fleet(v1, agent("cpu=2m", func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 0 }), n),
			NoMinReady},
		{"a port with maxSurge", fleet(nil, agent("cpu=1m", onHost, surging), n), SurgePort},
		{"no requests", fleet(v1, agent(""), n), NoRequests},
		{"no tag", fleet(v1, agent("cpu=1m", image("registry.local:5000/agent")), n), NoTag},
		{"latest", fleet(v1, agent("cpu=1m", image("agent:latest")), n), NoTag},
		{"a digest", fleet(v1, agent("cpu=1m", image("agent@sha256:0000")), n), ""},
		{"a budget by percentage", budget(func(b *policyv1.PodDisruptionBudget) { b.Spec.MinAvailable = &half }), BudgetIdle},
		{"a budget by maxUnavailable", budget(func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = &two }),
			BudgetIdle},
		{"an integer budget", budget(func(b *policyv1.PodDisruptionBudget) { b.Spec.MinAvailable = &two }), ""},
		{"a preempted old pod", fleet(agent("cpu=1500m"), agent("cpu=1500m", surging, prior(5)), n), OldPreempted},
	} {
		t.Run(c.name, func(t *testing.T) {
			var codes []string
			for _, r := range Weigh(c.in).Risks {
				codes = append(codes, r.Code)
				if r.Text == "" || r.Remedy == "" {
					t.Errorf("%+v", r)
				}
			}
			if got := strings.Join(codes, " "); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// One node after the other on hundreds takes hours; a percentage does not.
func TestOneAtATimeOnHundredsIsSlow(t *testing.T) {
	var nodes []*corev1.Node
	for i := range 240 {
		nodes = append(nodes, node(fmt.Sprintf("node-%03d", i)))
	}
	isSlow := func(p Plan) bool {
		return slices.ContainsFunc(p.Risks, func(r Risk) bool { return r.Code == Slow })
	}
	if p := Weigh(fleet(agent("cpu=1m"), agent("cpu=2m"), nodes)); !isSlow(p) || p.Pace.Waves != 240 {
		t.Errorf("%+v %v", p.Pace, p.Risks)
	}
	percent := func(d *appsv1.DaemonSet) {
		tenth := intstr.FromString("10%")
		d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &tenth}
	}
	if p := Weigh(fleet(agent("cpu=1m"), agent("cpu=2m", percent), nodes)); isSlow(p) || p.Pace.Waves != 10 {
		t.Errorf("%+v %v", p.Pace, p.Risks)
	}
}

// What a template needs is looked for, key by key; what is optional is not missed, nor what nobody could look for.
func TestWhatIsMissingIsNamed(t *testing.T) {
	yes := true
	next := agent("cpu=1m", func(d *appsv1.DaemonSet) {
		s := &d.Spec.Template.Spec
		s.ServiceAccountName, s.PriorityClassName = "agent", "agents"
		s.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
		ref := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
		s.Containers[0].Env = []corev1.EnvVar{
			{Name: "LEVEL", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
				LocalObjectReference: ref("config"), Key: "level"}}},
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: ref("token"), Key: "token"}}},
			{Name: "MAYBE", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: ref("maybe"), Key: "x", Optional: &yes}}},
			{Name: "WHO", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: ref("unread"), Key: "x"}}},
		}
		s.Volumes = []corev1.Volume{
			{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}},
			{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.
				PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	})
	in := fleet(nil, next, []*corev1.Node{node("node-1")})
	at := func(kind, name string) Reference { return Reference{kind, "platform", name} }
	in.Found = map[Reference]Found{at("ServiceAccount", "agent"): {}, {Kind: "PriorityClass", Name: "agents"}: {},
		at("Secret", "pull"): {}, at("ConfigMap", "config"): {There: true, Keys: []string{"other"}},
		at("Secret", "token"): {There: true, Keys: []string{"token"}}, at("Secret", "maybe"): {},
		at("Secret", "tls"): {}, at("PersistentVolumeClaim", "data"): {There: true}}
	p := Weigh(in)
	var got []string
	for _, m := range p.Missing {
		got = append(got, fmt.Sprintf("%s %q %s", m.Name, m.Key, m.Then))
	}
	want := []string{`agent "" no pod is made`, `agents "" no pod is made`, `pull "" images are pulled without it`,
		`tls "" pods stay in ContainerCreating`, `config "level" pods stay in CreateContainerConfigError`}
	if !slices.Equal(got, want) || p.Outcome != CannotStart {
		t.Errorf("%s\n%s\nwant\n%s", p.Headline, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	in.Found = map[Reference]Found{at("Secret", "pull"): {}}
	if p := Weigh(in); p.Outcome != Fits {
		t.Errorf("a missing imagePullSecret alone: %s", p.Headline)
	}
}

// The waves of a rollout are estimated from the last one's, which is the median of what passed between them: a node
// that joined later does not count. Where no pod was ever replaced nothing is known.
func TestTheEstimateIsFromTheLastRollout(t *testing.T) {
	var nodes []*corev1.Node
	for i := range 6 {
		nodes = append(nodes, node(fmt.Sprintf("node-%d", i)))
	}
	in := fleet(agent("cpu=1m"), agent("cpu=2m"), nodes)
	began := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	for i, p := range in.Pods {
		p.Labels = map[string]string{fact.HashLabel: "new"}
		p.CreationTimestamp = metav1.NewTime(began.Add(time.Duration(i) * 40 * time.Second))
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue,
			LastTransitionTime: metav1.NewTime(p.CreationTimestamp.Add(5 * time.Second))}}
	}
	in.Pods[5].CreationTimestamp = metav1.NewTime(began.Add(72 * time.Hour))
	if p := Weigh(in); p.Pace.Seconds != 0 {
		t.Errorf("nobody knows of a rollout: %+v", p.Pace)
	}
	in.Revisions = []*appsv1.ControllerRevision{revision(in.Current, "old", 1, agent("cpu=3m")),
		revision(in.Current, "new", 2, in.Current)}
	if p := Weigh(in); p.Pace.SecondsPerWave != 40 || p.Pace.Seconds != 240 {
		t.Errorf("%+v, want six waves of 40 s", p.Pace)
	}
	in.Next.Spec.MinReadySeconds = 60
	if p := Weigh(in); p.Pace.SecondsPerWave != 65 {
		t.Errorf("%+v, want no less than a pod takes to become available", p.Pace)
	}
}

// A cluster's times are whole seconds: a rollout whose waves were over within one was a rollout all the same, and its
// waves took a second at most.
func TestAQuickRolloutIsNotForgotten(t *testing.T) {
	quick := func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 0 }
	in := fleet(agent("cpu=1m", quick), agent("cpu=2m", quick), []*corev1.Node{node("a"), node("b"), node("c")})
	at := metav1.NewTime(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	for _, p := range in.Pods {
		p.Labels, p.CreationTimestamp = map[string]string{fact.HashLabel: "new"}, at
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue,
			LastTransitionTime: at}}
	}
	in.Revisions = []*appsv1.ControllerRevision{revision(in.Current, "old", 1, agent("cpu=3m", quick)),
		revision(in.Current, "new", 2, in.Current)}
	if p := Weigh(in); p.Pace.SecondsPerWave != 1 || p.Pace.Seconds != 3 {
		t.Errorf("%+v, want three waves of 1 s", p.Pace)
	}
}

// revision is the ControllerRevision of a DaemonSet with the template of another one.
func revision(of *appsv1.DaemonSet, hash string, number int64, with *appsv1.DaemonSet) *appsv1.ControllerRevision {
	yes := true
	text, err := json.Marshal(with)
	if err != nil {
		panic(err)
	}
	return &appsv1.ControllerRevision{Revision: number, Data: runtime.RawExtension{Raw: text},
		ObjectMeta: metav1.ObjectMeta{Name: hash, Namespace: of.Namespace, Labels: map[string]string{fact.HashLabel: hash},
			OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet", Name: of.Name, UID: of.UID,
				Controller: &yes}}}}
}
