// Package v1alpha1 is the Sync resource: what to pull from Git, how to let commits through, and what became of each.
//
// +kubebuilder:object:generate=true
// +groupName=daemongate.io
package v1alpha1
