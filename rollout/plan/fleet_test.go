package plan

import (
	"fmt"
	"math/rand/v2"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout/podtest"
)

// newFleet makes one or two small nodes, what stands on them, and a DaemonSet that changes, all by a seed.
func newFleet(seed uint64) *fleetOf {
	f := &fleetOf{seed: seed, r: rand.New(rand.NewPCG(seed, 13))}
	for i := range 1 + f.r.IntN(2) {
		f.in.Nodes = append(f.in.Nodes, f.node(i))
	}
	f.in.Current, f.in.Next = f.daemonSet("old"), f.daemonSet("new")
	if f.often(3) { // beside the old pods
		one, none := intstr.FromInt32(1), intstr.FromInt32(0)
		f.in.Next.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &none}
	}
	for _, n := range f.in.Nodes {
		for i := range f.r.IntN(5) {
			f.others = append(f.others, f.neighbour(n.Name, i))
		}
		if f.often(4) {
			f.in.Pods = append(f.in.Pods, f.old(n.Name))
		}
	}
	f.addDisks()
	return f
}

// often is true of so many of five.
func (f *fleetOf) often(of5 int) bool { return f.r.IntN(5) < of5 }

// rarely is true of one in ten.
func (f *fleetOf) rarely() bool { return f.r.IntN(10) == 0 }

// one of several.
func one[T any](f *fleetOf, of ...T) T { return of[f.r.IntN(len(of))] }

func (f *fleetOf) node(i int) *corev1.Node {
	name := fmt.Sprintf("%s-n%d", f.name(), i)
	size := fmt.Sprintf("cpu=%d memory=%dGi ephemeral-storage=10Gi pods=%d", 1+f.r.IntN(4), 1+f.r.IntN(5), 3+f.r.IntN(5))
	if f.often(2) {
		size += " example.com/nic=2"
	}
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"kubernetes.io/hostname": name, "disk": one(f, "ssd", "hdd")}}}
	n.Status.Allocatable = podtest.Quantities(size)
	n.Status.Capacity = n.Status.Allocatable
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue,
		LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}
	if f.rarely() {
		n.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "gpu", Effect: one(f, corev1.TaintEffectNoSchedule,
			corev1.TaintEffectPreferNoSchedule)}}
	}
	return n
}

// asks is what a container asks for. Some ask for nothing, some name limits alone.
func (f *fleetOf) asks() corev1.ResourceRequirements {
	var parts []string
	add := func(of5 int, name string, values ...string) {
		if f.often(of5) {
			parts = append(parts, name+"="+one(f, values...))
		}
	}
	add(4, "cpu", "100m", "250m", "500m", "900m", "1500m")
	add(3, "memory", "128Mi", "300M", "512Mi", "1Gi", "2500Mi")
	add(1, "ephemeral-storage", "1Gi", "6Gi")
	q := podtest.Quantities(strings.Join(parts, " "))
	if f.rarely() {
		q["example.com/nic"] = podtest.Quantities("n=1")["n"]
		return corev1.ResourceRequirements{Requests: q, Limits: corev1.ResourceList{"example.com/nic": q["example.com/nic"]}}
	}
	if f.often(1) {
		return corev1.ResourceRequirements{Limits: q}
	}
	return corev1.ResourceRequirements{Requests: q}
}

func (f *fleetOf) container(name string) corev1.Container {
	return corev1.Container{Name: name, Image: "registry.local/agent:v1", Resources: f.asks()}
}

// spec is what the pods of templates and the others have in common.
func (f *fleetOf) spec() corev1.PodSpec {
	s := corev1.PodSpec{Containers: []corev1.Container{f.container("c")}}
	if f.rarely() {
		s.Containers = append(s.Containers, f.container("d"))
	}
	if f.often(1) {
		init := f.container("i")
		if always := corev1.ContainerRestartPolicyAlways; f.often(2) {
			init.RestartPolicy = &always
		}
		s.InitContainers = []corev1.Container{init}
	}
	s.PriorityClassName = one(f, "", "", "low", "mid", "high", "never")
	if f.often(1) {
		port := corev1.ContainerPort{ContainerPort: 9100, HostPort: 9100, Protocol: one(f, corev1.ProtocolTCP,
			corev1.ProtocolUDP), HostIP: one(f, "", "10.0.0.1", "10.0.0.2")}
		s.Containers[0].Ports = []corev1.ContainerPort{port}
	} else if f.rarely() {
		s.HostNetwork = true
		s.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 9100}}
	}
	if f.rarely() {
		heavy := "heavy"
		s.RuntimeClassName = &heavy
	}
	if f.rarely() {
		whole := asked(s)["cpu"]
		whole.Add(podtest.Quantities("n=150m")["n"])
		s.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": whole}}
	}
	return s
}

// asked is what the containers of a pod ask for together, by their limits where they say no more.
func asked(s corev1.PodSpec) corev1.ResourceList {
	p := &corev1.Pod{Spec: *s.DeepCopy()}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			if r := &list[i].Resources; r.Requests == nil {
				r.Requests = r.Limits
			}
		}
	}
	return helpers.PodRequests(p, helpers.PodResourcesOptions{})
}

// neighbour is another pod on a node.
func (f *fleetOf) neighbour(node string, i int) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("%s-p%d", node, i),
		Labels: map[string]string{"fleet": f.name()}}, Spec: f.spec()}
	p.Spec.NodeName = node
	if f.rarely() {
		p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{f.term()}}}
	}
	return p
}

// term is about the pods of the fleet's own DaemonSet.
func (f *fleetOf) term() corev1.PodAffinityTerm {
	return corev1.PodAffinityTerm{TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{
		MatchLabels: map[string]string{"app": f.name()}}}
}

// daemonSet is a DaemonSet of one of the nodes' kinds.
func (f *fleetOf) daemonSet(version string) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: f.name(),
		UID: types.UID(f.name())}}
	d.Spec.MinReadySeconds = 30
	d.Spec.Template.Labels = map[string]string{"fleet": f.name(), "app": f.name(), "version": version}
	s := f.spec()
	if f.often(1) {
		s.NodeSelector = map[string]string{"disk": "ssd"}
	}
	if f.often(1) {
		s.Tolerations = []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}
	}
	if version == "new" {
		f.unweighed(&s)
	}
	d.Spec.Template.Spec = s
	return d
}

// unweighed are things that keep a pod off a node, now and then, and that a plan only names.
func (f *fleetOf) unweighed(s *corev1.PodSpec) {
	switch f.r.IntN(40) {
	case 0:
		s.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{f.term()}}}
	case 1:
		s.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
				TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{
					"app": "nowhere"}}}}}}
	case 2:
		s.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack",
			WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: f.term().LabelSelector}}
	case 3:
		s.Volumes = []corev1.Volume{{Name: "gone", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.
			PersistentVolumeClaimVolumeSource{ClaimName: "missing"}}}}
	case 4:
		always := corev1.ContainerRestartPolicyAlways
		s.Containers[0].RestartPolicy = &always
		s.Containers[0].RestartPolicyRules = []corev1.ContainerRestartRule{{
			Action: corev1.ContainerRestartRuleActionRestartAllContainers,
			ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: corev1.ContainerRestartRuleOnExitCodesOpIn,
				Values: []int32{3}}}}
	}
}

// old is a pod of the old template.
func (f *fleetOf) old(node string) *corev1.Pod {
	yes := true
	t := f.in.Current.Spec.Template.DeepCopy()
	p := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
	p.Name, p.Namespace, p.Spec.NodeName = node+"-old", "default", node
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: f.in.Current.Name,
		UID: f.in.Current.UID, Controller: &yes}}
	return p
}
