package fields

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// fieldSet is the fields that an entry, which has some, says to be managed.
func fieldSet(e metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	fields := &fieldpath.Set{}
	return fields, fields.FromJSON(e.FieldsV1.GetRawReader())
}

// fieldAt is what stands at a path of an object.
func fieldAt(at any, p fieldpath.Path) (any, bool) {
	for _, element := range p {
		next, found := elementAt(at, element)
		if !found {
			return nil, false
		}
		at = next
	}
	return at, len(p) > 0
}

func elementAt(in any, e fieldpath.PathElement) (any, bool) {
	if e.FieldName != nil {
		fields, _ := in.(map[string]any)
		found, there := fields[*e.FieldName]
		return found, there
	}
	list, _ := in.([]any)
	i := slices.IndexFunc(list, func(element any) bool {
		switch {
		case e.Key != nil:
			return hasKeys(element, *e.Key)
		case e.Value != nil:
			return value.Equals(value.NewValueInterface(element), *e.Value)
		}
		return false
	})
	if e.Index != nil {
		i = *e.Index
	}
	if i < 0 || i >= len(list) {
		return nil, false
	}
	return list[i], true
}

func hasKeys(element any, keys value.FieldList) bool {
	fields, isMap := element.(map[string]any)
	return isMap && !slices.ContainsFunc(keys, func(key value.Field) bool {
		has, there := fields[key.Name]
		return !there || !value.Equals(value.NewValueInterface(has), key.Value)
	})
}

// fieldName is a path as messages have it: spec.template.spec.containers[name=agent].env[name=LEVEL]. What tells an
// element of a list from others is its name; of an element that is nothing but a value, only the list is named.
func fieldName(p fieldpath.Path) string {
	for i, e := range p {
		if e.Value != nil {
			return fieldName(p[:i]) + "[…]"
		}
	}
	return strings.ReplaceAll(strings.TrimPrefix(p.String(), "."), `"`, "")
}
