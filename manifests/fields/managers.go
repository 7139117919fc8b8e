// Package fields reads and works out the fields of objects: how they are called, which of two objects differ, which
// field manager has which, and what managedFields should say instead. It asks nobody and writes nothing.
package fields

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
)

// OurManager is the field manager of everything that Daemongate applies.
const OurManager = "daemongate"

// beforeFirstApply is the manager to whom the API server ascribes everything that stood on an object without
// managedFields when it was first applied.
const beforeFirstApply = "before-first-apply"

// kubectlManagers are the field managers of kubectl's commands (kubectl v0.37) that mean to change what Git says.
// kubectl-rollout, which restarts and pauses, is not among them.
var kubectlManagers = sets.New(
	beforeFirstApply,
	"kubectl", // apply --server-side, rollout undo and scale
	"kubectl.exe",
	"kubectl-client-side-apply",
	"kubectl-last-applied",
	"kubectl-annotate",
	"kubectl-autoscale",
	"kubectl-create",
	"kubectl-edit",
	"kubectl-expose",
	"kubectl-label",
	"kubectl-patch",
	"kubectl-replace",
	"kubectl-run",
	"kubectl-set",
	"kubectl-taint",
)

// IsKubectl reports whether a manager's fields are taken over without force.
func IsKubectl(manager string) bool {
	return kubectlManagers.Has(manager) || IsTakeover(manager)
}

// AllKubectl reports whether the fields of all these managers are taken over without force.
func AllKubectl(managers []string) bool {
	return !slices.ContainsFunc(managers, func(m string) bool { return !IsKubectl(m) })
}

// kubectlEntry reports whether an entry is one that kubectl wrote. `kubectl scale` writes by a subresource.
func kubectlEntry(e metav1.ManagedFieldsEntry) bool {
	return kubectlManagers.Has(e.Manager) && (e.Subresource == "" || e.Subresource == "scale")
}

// IsOurs reports whether the object was applied by us before.
func IsOurs(live *unstructured.Unstructured) bool {
	for _, e := range live.GetManagedFields() {
		if e.Manager == OurManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return true
		}
	}
	return false
}

// HomeVersion is the API version of our own entry, or that of the object that is about to be applied if there is none.
func HomeVersion(live, object *unstructured.Unstructured) string {
	for _, e := range live.GetManagedFields() {
		if e.Manager == OurManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return e.APIVersion
		}
	}
	return object.GetAPIVersion()
}

// HasKubectl reports whether kubectl wrote any field of an object.
func HasKubectl(live *unstructured.Unstructured) bool {
	return slices.ContainsFunc(live.GetManagedFields(), kubectlEntry)
}
