package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of the Sync resource.
	GroupVersion = schema.GroupVersion{Group: "daemongate.io", Version: "v1alpha1"}
	// Resource is where Syncs are served.
	Resource = GroupVersion.WithResource("syncs")
	// Kind is the Sync's kind.
	Kind = GroupVersion.WithKind("Sync")
)

// AddToScheme registers the Sync resource, so that Events can refer to one.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Sync{}, &SyncList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
