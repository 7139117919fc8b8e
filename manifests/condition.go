package manifests

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
