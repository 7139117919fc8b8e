// Package v1alpha1 is the Sync resource: what to pull from Git, how to let commits through, and what became of each.
//
// +kubebuilder:object:generate=true
// +groupName=daemongate.io
package v1alpha1

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object crd paths=. output:crd:dir=../../../manifests/install
