// Package podtest makes pods, budgets and DaemonSets for the tests of the packages that judge them.
package podtest

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// OwnedBy gives a pod a controller.
func OwnedBy(kind, name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, UID: types.UID(kind + name),
			Controller: &yes}}
	}
}

// Labelled gives a pod a label.
func Labelled(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = map[string]string{key: value} }
}

// Ranked gives a pod a priority.
func Ranked(priority int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Priority = &priority }
}

// Made is a pod on node-1 with changes.
func Made(name, asks string, changes ...func(*corev1.Pod)) *corev1.Pod {
	p := PodOn("node-1", name, asks)
	for _, change := range changes {
		change(p)
	}
	return p
}

// Budget is a PodDisruptionBudget for the pods of its namespace that carry app=name.
func Budget(namespace, name string, allows int32) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: policyv1.PodDisruptionBudgetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
		},
		Status: policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allows, DesiredHealthy: 2,
			CurrentHealthy: 1},
	}
}

// PodOn is another pod on a node: namespace/name, and what its container asks for, such as "cpu=500m memory=1Gi".
func PodOn(node, name, asks string) *corev1.Pod {
	namespace, name, _ := strings.Cut(name, "/")
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + "-" + name)},
		Spec: corev1.PodSpec{NodeName: node,
			Containers: []corev1.Container{{Name: "c",
				Resources: corev1.ResourceRequirements{Requests: Quantities(asks)}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

// Quantities are resources as in "cpu=500m memory=1Gi".
func Quantities(text string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for _, field := range strings.Fields(text) {
		name, value, _ := strings.Cut(field, "=")
		list[corev1.ResourceName(name)] = resource.MustParse(value)
	}
	return list
}

// With changes a pod for a table.
func With(p *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod { change(p); return p }

// Port gives a pod's first container a host port; an empty address or protocol is left out.
func Port(address string, protocol corev1.Protocol, number int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers[0].Ports = append(p.Spec.Containers[0].Ports, corev1.ContainerPort{HostIP: address,
			Protocol: protocol, HostPort: number})
	}
}

// Daemon is a DaemonSet whose only container asks for this, on all nodes.
func Daemon(name string, change func(*corev1.PodSpec)) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: name,
		UID: types.UID("uid-" + name)}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent"}}
	if change != nil {
		change(&d.Spec.Template.Spec)
	}
	return d
}
