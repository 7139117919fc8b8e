package manifests

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// awaited are the kinds that a commit waits for: what they say of themselves tells whether they have come to be.
var awaited = map[schema.GroupKind]bool{
	{Group: "apps", Kind: "DaemonSet"}:                                true,
	{Group: "apps", Kind: "Deployment"}:                               true,
	{Group: "apps", Kind: "StatefulSet"}:                              true,
	{Group: "batch", Kind: "Job"}:                                     true,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: true,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:             true,
}

// Awaited are the objects that the commit waits for. All others count once they are applied.
func (s Set) Awaited() map[ID]bool {
	list := map[ID]bool{}
	for _, o := range s.objects {
		if waits, _ := waitedFor(o); waits { // NewSet has read the annotation
			list[IDOf(o)] = true
		}
	}
	return list
}

// waitedFor reports whether a commit waits for an object: by its kind, unless its annotation says otherwise.
func waitedFor(o *unstructured.Unstructured) (bool, error) {
	id := IDOf(o)
	value, annotated := o.GetAnnotations()[WaitAnnotation]
	switch {
	case !annotated:
		return awaited[id.groupKind()], nil
	case value == "true":
		return true, nil
	case value == "false" && isDaemonSet(id):
		return true, fmt.Errorf("%s: annotation %s: a DaemonSet is always waited for", id, WaitAnnotation)
	case value == "false":
		return false, nil
	}
	return false, fmt.Errorf("%s: annotation %s is %q: write \"true\" or \"false\"", id, WaitAnnotation, value)
}

// ConditionOf is the condition of that type in an object's status, as its controller has written it; false if there is
// none.
func ConditionOf(o *unstructured.Unstructured, name string) (map[string]any, bool) {
	if o == nil {
		return nil, false
	}
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range list {
		if c, ok := item.(map[string]any); ok && c["type"] == name {
			return c, true
		}
	}
	return nil, false
}
