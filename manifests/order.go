package manifests

import (
	"cmp"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/manifests/caught"
)

// The ranks in which a set is written. Objects of one rank do not need each other and are written side by side; an
// object needs at most what has a lower rank. Prune goes the other way.
const (
	rankNamespace = iota
	rankDefinition
	rankClusterWide
	rankAccount
	rankData
	rankRole
	rankBinding
	rankService
	rankOther // custom objects and whatever else: a workload may need it, and it needs no workload
	rankWorkload
	rankOnWorkload
	rankGatekeeper // what can refuse or reroute the API's own requests comes when its servers have been written
)

// rankOf is the rank of a kind.
func rankOf(gk schema.GroupKind) int {
	switch gk.Group {
	case "":
		return coreRank(gk.Kind)
	case "apps", "batch":
		return rankWorkload
	case "apiextensions.k8s.io":
		return rankDefinition
	case "scheduling.k8s.io", "storage.k8s.io", "node.k8s.io", "networking.k8s.io", "policy":
		return networkingAndPolicyRank(gk.Kind)
	case "rbac.authorization.k8s.io":
		return rbacRank(gk.Kind)
	case "autoscaling":
		return rankOnWorkload
	case "admissionregistration.k8s.io", "apiregistration.k8s.io":
		return rankGatekeeper
	}
	return rankOther
}

func coreRank(kind string) int {
	switch kind {
	case "Namespace":
		return rankNamespace
	case "ResourceQuota", "LimitRange", "PersistentVolume":
		return rankClusterWide
	case "ServiceAccount":
		return rankAccount
	case "ConfigMap", "Secret", "PersistentVolumeClaim":
		return rankData
	case "Service", "Endpoints":
		return rankService
	case "Pod", "ReplicationController", "PodTemplate":
		return rankWorkload
	}
	return rankOther
}

func networkingAndPolicyRank(kind string) int {
	if kind == "Ingress" {
		return rankOnWorkload
	}
	return rankClusterWide
}

// rbacRank puts a binding after the role it names: whoever may not grant everything is checked against the role.
func rbacRank(kind string) int {
	if kind == "RoleBinding" || kind == "ClusterRoleBinding" {
		return rankBinding
	}
	return rankRole
}

// compareIDs orders by rank and then by name: the same objects are in the same order from whatever files they come.
func compareIDs(a, b ID) int {
	return cmp.Or(
		cmp.Compare(rankOf(a.groupKind()), rankOf(b.groupKind())),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Group, b.Group),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
	)
}

// byRank cuts what is in order of rank into the runs that may be written side by side.
func byRank[T any](ordered []T, id func(T) ID) [][]T {
	var runs [][]T
	last := -1
	for _, x := range ordered {
		if rank := rankOf(id(x).groupKind()); rank != last {
			runs = append(runs, nil)
			last = rank
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], x)
	}
	return runs
}

// parallel is how many requests for one set are under way at a time. The API server's priority and fairness guards it.
const parallel = 16

// sideBySide does the same to each of some items, and returns what came of each and what went wrong with it, in their
// order. Whoever calls it panics if one of them does, after the others have ended: nobody could catch it there.
func sideBySide[T, R any](items []T, do func(T) (R, error)) (results []R, problems []error) {
	results, problems = make([]R, len(items)), make([]error, len(items))
	panics := make([]*caught.Panic, len(items))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, item := range items {
		group.Go(func() error {
			panics[i] = caught.Catch("an object", func() { results[i], problems[i] = do(item) })
			return nil
		})
	}
	_ = group.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p) //nolint:forbidigo // it is another goroutine's, which nobody could catch there
		}
	}
	return results, problems
}

// ifItMay does something with an item if that may still be done.
func ifItMay[T, R any](o Options, do func(T) (R, error)) func(T) (R, error) {
	if o.May == nil {
		return do
	}
	return func(item T) (result R, err error) {
		if err := o.May(); err != nil {
			return result, err
		}
		return do(item)
	}
}

func isWorkload(o *unstructured.Unstructured) bool {
	return rankOf(o.GroupVersionKind().GroupKind()) == rankWorkload
}

func isDaemonSet(id ID) bool { return id.Group == "apps" && id.Kind == "DaemonSet" }

func isSecret(id ID) bool { return id.Group == "" && id.Kind == "Secret" }

func isDefinition(id ID) bool {
	return id.Group == "apiextensions.k8s.io" && id.Kind == "CustomResourceDefinition"
}
