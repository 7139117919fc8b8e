package fact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests"
)

// OwnFields is the field set of our own apply; nil if it is not known.
func OwnFields(entries []metav1.ManagedFieldsEntry) []byte {
	for _, e := range entries {
		if e.Manager == manifests.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply &&
			e.FieldsV1 != nil {
			return e.FieldsV1.GetRawBytes()
		}
	}
	return nil
}

// ManagerOf names whoever manages a field; the one that wrote last if the entries do not tell.
func ManagerOf(entries []metav1.ManagedFieldsEntry, path []string) string {
	name, when, owns := "somebody", metav1.Time{}, false
	for _, e := range entries {
		if e.Manager == manifests.FieldManager || e.Subresource != "" || e.FieldsV1 == nil {
			continue
		}
		has := ManagesField(e.FieldsV1.GetRawBytes(), path)
		if has == owns && (e.Time == nil || !when.Before(e.Time)) || owns && !has {
			continue
		}
		name, owns = e.Manager, has
		if e.Time != nil {
			when = *e.Time
		}
	}
	return name
}

// ManagesField walks a field set (structured-merge-diff's FieldsV1) along a path.
func ManagesField(raw []byte, path []string) bool {
	var set map[string]any
	if json.Unmarshal(raw, &set) != nil {
		return false
	}
	for _, step := range path {
		next, ok := set["f:"+step].(map[string]any)
		if key, isElement := strings.CutPrefix(step, "["); isElement {
			next, ok = elementSet(set, strings.TrimSuffix(key, "]"))
		}
		if !ok {
			return false
		}
		set = next
	}
	return true
}

// elementSet finds the fields of a list's element, "name=agent", whose key may have more parts than that.
func elementSet(set map[string]any, element string) (map[string]any, bool) {
	name, value, _ := strings.Cut(element, "=")
	for _, entry := range SortedKeys(set) {
		raw, isKey := strings.CutPrefix(entry, "k:")
		var key map[string]any
		if !isKey || json.Unmarshal([]byte(raw), &key) != nil || fmt.Sprint(key[name]) != value {
			continue
		}
		fields, ok := set[entry].(map[string]any)
		return fields, ok
	}
	return nil, false
}

// SortedKeys are the keys of an object, sorted.
func SortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
