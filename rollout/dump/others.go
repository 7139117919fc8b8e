package dump

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
)

// DumpMore are the kinds that make a dump's answer richer where nodes have no room, as kubectl names them.
const DumpMore = "pdb,replicasets,statefulsets,deployments,resourcequotas"

// others is what a dump knows of the pods that are not a DaemonSet's. Pods of a single namespace are taken for what
// they are: a dump that was made without -A.
func (d *dumped) others() rollout.Others {
	var o rollout.Others
	namespaces := map[string]bool{}
	for _, p := range d.pods {
		namespaces[p.Namespace] = true
	}
	if len(namespaces) < 2 {
		o.Pods = d.pods // some of the nodes'
		o.Missing = append(o.Missing, rollout.Unknown{Kind: rollout.KindPods, Why: "a dump of all namespaces would " +
			"tell: kubectl get -A"})
		return o
	}
	o.Whole, o.Pods, o.Budgets = true, d.pods, d.budgets
	for _, n := range d.nodes {
		o.Nodes = append(o.Nodes, n.Name)
	}
	if len(d.budgets) == 0 {
		o.Missing = append(o.Missing, rollout.Unknown{Kind: rollout.KindBudgets, Why: "the dump has none; where " +
			"there are some, kubectl get -A " + DumpMore + " has them"})
	}
	o.Owners = map[types.UID]rollout.Owner{}
	for _, s := range d.statefulSets {
		o.Owners[s.UID] = rollout.Owner{Kind: "StatefulSet", Name: s.Name, Replicas: rollout.Replicas(s.Spec.Replicas)}
	}
	deployments := map[types.UID]rollout.Owner{}
	for _, dep := range d.deployments {
		deployments[dep.UID] = rollout.Owner{Kind: "Deployment", Name: dep.Name,
			Replicas: rollout.Replicas(dep.Spec.Replicas)}
	}
	for _, r := range d.replicaSets {
		o.Owners[r.UID] = rollout.OwnerOfReplicaSet(r, deployments)
	}
	return o
}
