package rollout

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
)

// DumpMore are the kinds that make a dump's answer richer where nodes have no room, as kubectl names them.
const DumpMore = "pdb,replicasets,statefulsets,deployments,resourcequotas"

// trimDumpedPod keeps of a pod also what is read of pods that are not the DaemonSet's: whether it is the kubelet's own,
// and what it holds while it is being resized.
func trimDumpedPod(p *corev1.Pod) *corev1.Pod {
	kept := trimPod(p)
	if mirror, is := p.Annotations[corev1.MirrorPodAnnotationKey]; is {
		kept.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: mirror}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodResizePending {
			kept.Status.Conditions = append(kept.Status.Conditions, corev1.PodCondition{Type: c.Type, Status: c.Status,
				Reason: c.Reason, LastTransitionTime: c.LastTransitionTime})
		}
	}
	keepResized(p.Spec.InitContainers, p.Status.InitContainerStatuses, kept.Status.InitContainerStatuses)
	keepResized(p.Spec.Containers, p.Status.ContainerStatuses, kept.Status.ContainerStatuses)
	return kept
}

// keepResized keeps what containers were given where that is not what they ask for.
func keepResized(asked []corev1.Container, from, kept []corev1.ContainerStatus) {
	for i := range from {
		var want corev1.ResourceList
		if j := slices.IndexFunc(asked, func(c corev1.Container) bool { return c.Name == from[i].Name }); j >= 0 {
			want = asked[j].Resources.Requests
		}
		if r := from[i].Resources; r != nil && !equality.Semantic.DeepEqual(r.Requests, want) {
			kept[i].Resources = &corev1.ResourceRequirements{Requests: r.Requests}
		}
		if a := from[i].AllocatedResources; a != nil && !equality.Semantic.DeepEqual(a, want) {
			kept[i].AllocatedResources = a
		}
	}
}

// others is what a dump knows of the pods that are not a DaemonSet's. Pods of a single namespace are taken for what they
// are: a dump that was made without -A.
func (d *dumped) others() Others {
	var o Others
	namespaces := map[string]bool{}
	for _, p := range d.pods {
		namespaces[p.Namespace] = true
	}
	if len(namespaces) < 2 {
		o.Pods = d.pods // some of the nodes'
		o.Missing = append(o.Missing, Unknown{KindPods, "a dump of all namespaces would tell: kubectl get -A"})
		return o
	}
	o.Whole, o.Pods, o.Budgets = true, d.pods, d.budgets
	for _, n := range d.nodes {
		o.Nodes = append(o.Nodes, n.Name)
	}
	if len(d.budgets) == 0 {
		o.Missing = append(o.Missing, Unknown{KindBudgets, "the dump has none; kubectl get -A " + DumpMore + " would tell"})
	}
	o.Owners = map[types.UID]Owner{}
	for _, s := range d.statefulSets {
		o.Owners[s.UID] = Owner{Kind: "StatefulSet", Name: s.Name, Replicas: replicas(s.Spec.Replicas)}
	}
	deployments := map[types.UID]Owner{}
	for _, dep := range d.deployments {
		deployments[dep.UID] = Owner{Kind: "Deployment", Name: dep.Name, Replicas: replicas(dep.Spec.Replicas)}
	}
	for _, r := range d.replicaSets {
		o.Owners[r.UID] = ownerOfReplicaSet(r, deployments)
	}
	return o
}

// ownerOfReplicaSet is the Deployment that a ReplicaSet is of, or the ReplicaSet itself.
func ownerOfReplicaSet(r *appsv1.ReplicaSet, deployments map[types.UID]Owner) Owner {
	owner := Owner{Kind: "ReplicaSet", Name: r.Name, Replicas: replicas(r.Spec.Replicas)}
	for _, reference := range r.OwnerReferences {
		if reference.Kind != "Deployment" || reference.Controller == nil || !*reference.Controller {
			continue
		}
		if deployment, known := deployments[reference.UID]; known {
			return deployment
		}
		owner.Kind, owner.Name = reference.Kind, reference.Name
	}
	return owner
}

// replicas is how many an object asks for: one if it does not say.
func replicas(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}
