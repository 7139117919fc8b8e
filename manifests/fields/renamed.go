package fields

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// ClaimPatch is the JSON patch that gives the fields that nobody owns to the takeover manager of our own version, if
// kubectl wrote fields that have other names there; nil if there is nothing to claim.
func ClaimPatch(applied *unstructured.Unstructured, home string) ([]byte, error) {
	claimed, err := unownedIfRenamed(applied, home)
	if err != nil || claimed == nil {
		return nil, err
	}
	return managedFieldsPatch(applied, claimed)
}

// unownedIfRenamed are the managedFields with that claim; nil if there is none to make.
func unownedIfRenamed(o *unstructured.Unstructured, home string) ([]metav1.ManagedFieldsEntry, error) {
	content := o.DeepCopy().Object
	for _, not := range []string{"apiVersion", "kind", "metadata", "status"} {
		delete(content, not)
	}
	value, err := typed.DeducedParseableType.FromUnstructured(content)
	if err != nil {
		return nil, err
	}
	there, err := value.ToFieldSet()
	if err != nil {
		return nil, err
	}
	unowned, renamed := there.Leaves(), false
	for _, e := range o.GetManagedFields() {
		if e.FieldsV1 == nil || e.Subresource != "" {
			continue
		}
		owned, err := fieldSet(e)
		if err != nil {
			return nil, err
		}
		if IsTakeover(e.Manager) && e.APIVersion != home {
			renamed = renamed || lacksAny(content, owned)
		}
		unowned = without(unowned, owned)
	}
	if !renamed || unowned.Empty() {
		return nil, nil
	}
	return claiming(o, unowned, home)
}

// claiming are an object's managedFields with more fields for the takeover manager of our own version.
func claiming(o *unstructured.Unstructured, fields *fieldpath.Set, home string) ([]metav1.ManagedFieldsEntry, error) {
	data, err := fields.ToJSON()
	if err != nil {
		return nil, err
	}
	claim := metav1.ManagedFieldsEntry{Manager: TakeoverManager(home), Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: home,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(data))}
	entries := o.DeepCopy().GetManagedFields()
	for i, e := range entries {
		if e.Manager == claim.Manager {
			return entries, Unite(&entries[i], claim)
		}
	}
	return append(entries, claim), nil
}

// without are the fields of a set that another one neither has nor has anything in.
func without(s, owned *fieldpath.Set) *fieldpath.Set {
	left := fieldpath.NewSet()
	s.Iterate(func(p fieldpath.Path) {
		if !holds(owned, p) {
			left.Insert(p.Copy())
		}
	})
	return left
}

// holds reports whether a set of fields has one, or something in it.
func holds(s *fieldpath.Set, p fieldpath.Path) bool {
	if s.Has(p) {
		return true
	}
	for _, element := range p {
		s = s.WithPrefix(element)
	}
	return !s.Empty()
}

// lacksAny reports whether a field of the set, above any list, is not in the content.
func lacksAny(content map[string]any, fields *fieldpath.Set) bool {
	lacks := false
	fields.Leaves().Iterate(func(p fieldpath.Path) {
		var names []string
		for _, element := range p {
			if element.FieldName == nil {
				break
			}
			names = append(names, *element.FieldName)
		}
		if len(names) == 0 || names[0] == "metadata" || names[0] == "status" {
			return
		}
		_, found, err := unstructured.NestedFieldNoCopy(content, names...)
		lacks = lacks || !found || err != nil
	})
	return lacks
}
