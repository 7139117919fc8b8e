package fact

import corev1 "k8s.io/api/core/v1"

// ZoneLabels and PoolLabels are the labels that tell a node's zone or pool, as the clouds and provisioners write them.
var (
	ZoneLabels = []string{"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"}
	PoolLabels = []string{"karpenter.sh/nodepool", "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup",
		"kubernetes.azure.com/agentpool", "agentpool", "kops.k8s.io/instancegroup", "doks.digitalocean.com/node-pool",
		"oci.oraclecloud.com/oke-pool-name", "machine.openshift.io/cluster-api-machineset"}
)

// PoolOf is the pool of a node; empty if nothing tells.
func PoolOf(n *corev1.Node) string {
	for _, key := range PoolLabels {
		if pool := n.Labels[key]; pool != "" {
			return pool
		}
	}
	return ""
}
