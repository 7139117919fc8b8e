package storage

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/fields"
)

// managedIn has all entries of managedFields be of one API version, in which fields are called as in theirs. An entry
// of a version that is gone from its definition makes the API server refuse every later server-side apply of the
// object: "request to convert CR to an invalid group/version".
func managedIn(entries []metav1.ManagedFieldsEntry, apiVersion string) (all []metav1.ManagedFieldsEntry, _ error) {
	for _, e := range entries {
		e.APIVersion = apiVersion
		at := slices.IndexFunc(all, func(other metav1.ManagedFieldsEntry) bool { return sameManager(e, other) })
		if at < 0 {
			all = append(all, e)
			continue
		}
		// Who wrote in both versions has one entry: of two, the API server would forget one, with all its fields.
		if err := fields.Unite(&all[at], e); err != nil {
			return nil, fmt.Errorf("managedFields of %s: %w", e.Manager, err)
		}
	}
	return all, nil
}

func sameManager(a, b metav1.ManagedFieldsEntry) bool {
	return a.Manager == b.Manager && a.Operation == b.Operation && a.Subresource == b.Subresource
}

// missing are the fields of an object as one version shows it that it lacks as another shows it.
func missing(shown, other map[string]any) []string {
	var lost []string
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		if key != "apiVersion" && key != "metadata" { // both are the same in all versions, but for managedFields
			lost = append(lost, missingIn("."+key, shown[key], other, key)...)
		}
	}
	return lost
}

// missingIn are those at a path and below it.
func missingIn(path string, value any, other map[string]any, key string) []string {
	there, ok := other[key]
	if !ok {
		return []string{path}
	}
	return missingBelow(path, value, there)
}

func missingBelow(path string, value, there any) (lost []string) {
	switch value := value.(type) {
	case map[string]any:
		with, _ := there.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(value)) {
			lost = append(lost, missingIn(path+"."+key, value[key], with, key)...)
		}
	case []any:
		with, _ := there.([]any)
		for i := range value {
			at := fmt.Sprintf("%s[%d]", path, i)
			if i >= len(with) {
				lost = append(lost, at)
				continue
			}
			lost = append(lost, missingBelow(at, value[i], with[i])...)
		}
	}
	return lost
}
