package fields

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Difference is one field that has, or would have, another value. A nil value: the field is absent.
type Difference struct {
	Path       string
	Live, Want any
}

// Differences compares a live object with what a dry run would make of it, without what the API server keeps itself.
func Differences(live, want *unstructured.Unstructured) []Difference {
	var found []Difference
	compare("", Asked(live), Asked(want), &found)
	return found
}

// Asked is what people ask of an object: its fields without those that the API server keeps itself.
func Asked(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	// The API server counts a DaemonSet's templates here.
	unstructured.RemoveNestedField(o.Object, "metadata", "annotations", appsv1.DeprecatedTemplateGeneration)
	delete(o.Object, "status")
	return o.Object
}

func compare(path string, live, want any, found *[]Difference) {
	if reflect.DeepEqual(live, want) {
		return
	}
	switch w := want.(type) {
	case map[string]any:
		if l, ok := live.(map[string]any); ok {
			compareMaps(path, l, w, found)
			return
		}
	case []any:
		if l, ok := live.([]any); ok {
			compareLists(path, l, w, found)
			return
		}
	}
	*found = append(*found, Difference{path, live, want})
}

func compareMaps(path string, live, want map[string]any, found *[]Difference) {
	all := maps.Clone(live)
	maps.Copy(all, want)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		compare(join(path, key), live[key], want[key], found)
	}
}

// compareLists matches items by their name where all have one, as Kubernetes' own lists mostly do, else by place.
func compareLists(path string, live, want []any, found *[]Difference) {
	byNameLive, ok := named(live)
	byNameWant, ok2 := named(want)
	if !ok || !ok2 {
		for i := range max(len(live), len(want)) {
			compare(fmt.Sprintf("%s[%d]", path, i), at(live, i), at(want, i), found)
		}
		return
	}
	before := len(*found)
	all := maps.Clone(byNameLive)
	maps.Copy(all, byNameWant)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		compare(fmt.Sprintf("%s[name=%s]", path, name), byNameLive[name], byNameWant[name], found)
	}
	if len(*found) == before {
		*found = append(*found, Difference{path + " (order)", live, want})
	}
}

func named(list []any) (map[string]any, bool) {
	items := make(map[string]any, len(list))
	for _, item := range list {
		fields, _ := item.(map[string]any)
		name, ok := fields["name"].(string)
		if !ok {
			return nil, false
		}
		items[name] = item
	}
	return items, len(items) == len(list)
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
