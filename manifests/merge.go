package manifests

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/fields"
)

// Merged is an object of a set as it is, and as its apply would leave it. A Secret's values are withheld from both.
type Merged struct {
	Object ID
	Live   *unstructured.Unstructured // nil: it would be created
	Want   *unstructured.Unstructured
	// Conflict has a *Conflict for each field manager that would have to be overruled and would not; nil if none would.
	Conflict error
	// Unasked is set if the API server cannot be asked before others of the set are there: Want is as the set has it.
	Unasked bool
}

// Merge asks the API server what an apply would make of each object of a resolved set, in the set's order, and writes
// nothing. Without an owner each object stays that Sync's whose it is. An object about which there is no answer is in
// the error; the others are returned all the same.
func (c *Client) Merge(ctx context.Context, s Set, o Options) ([]Merged, error) {
	defined := definitionsOf(s.objects)
	answers, problems := sideBySide(s.objects, func(object *unstructured.Unstructured) (*Merged, error) {
		for range mostPairs {
			m, torn, err := c.merge(ctx, s, object, defined, o)
			if err != nil || !torn {
				return m, explainSecret(object, err)
			}
		}
		return nil, &unready{IDOf(object), "others write it faster than it can be compared"}
	})
	var merged []Merged
	for _, m := range answers {
		if m != nil {
			merged = append(merged, *m)
		}
	}
	return merged, errors.Join(problems...)
}

func (c *Client) merge(ctx context.Context, s Set, object *unstructured.Unstructured, defined definitions,
	o Options) (m *Merged, torn bool, err error) {
	t, err := c.findAs(ctx, object, defined, o.Owner)
	if err != nil {
		return nil, false, err
	}
	live, p := t.live, c.pairOf(ctx, t)
	switch {
	case p.torn():
		return nil, true, nil
	case p.err == nil:
		m = &Merged{Object: t.id, Live: live, Want: p.answer}
	case live == nil && willExist(s, t, p.err):
		if err := c.tryElsewhere(ctx, s, t, o); err != nil {
			return nil, false, err
		}
		m = &Merged{Object: t.id, Want: t.object, Unasked: true}
	default:
		return nil, false, c.refusal(t.id, p.err)
	}
	if !o.Force && !fields.AllKubectl(p.managers) {
		m.Conflict = p.conflicts
	}
	m.Live, m.Want = withheldSecrets(m.Live, m.Want)
	return m, false, nil
}

// findAs is find for who may not know yet whose an object is: without an owner it is tried as that Sync's that has it.
func (c *Client) findAs(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	owner Owner) (target, error) {
	if owner != (Owner{}) {
		return c.find(ctx, object, defined, owner)
	}
	t, err := c.locate(ctx, object, defined)
	if err != nil {
		return target{}, err
	}
	if t.live, err = c.read(ctx, t); err != nil || t.live == nil {
		return t, err
	}
	if holder := t.live.GetLabels()[OwnerLabel]; holder != "" {
		t.object = t.object.DeepCopy()
		setLabel(t.object, holder)
	}
	return t, mayStay(t.id, t.live)
}

// What stands in the place of a Secret's values.
const (
	masked       = "***"
	maskedBefore = "*** (before)"
	maskedAfter  = "*** (after)"
	noKey        = "*** (no key)"
)

// isKey reports whether that may be a key of a Secret, or of its annotations. What is none may be a line of a file that
// somebody took for one of keys and values.
func isKey(key string) bool { return goodKey.MatchString(key) }

var goodKey = regexp.MustCompile(`^[-._/a-zA-Z0-9]+$`)

// withheldSecrets takes the values out of a Secret and of what would become of it, and leaves which of them differ.
func withheldSecrets(live, want *unstructured.Unstructured) (before, after *unstructured.Unstructured) {
	if want == nil || !isSecret(IDOf(want)) {
		return live, want
	}
	after = withoutValues(want)
	if live == nil {
		return nil, after
	}
	before = withoutValues(live)
	for _, path := range secretMaps {
		old, _, _ := unstructured.NestedMap(live.Object, path...)
		wished, _, _ := unstructured.NestedMap(want.Object, path...)
		for key, value := range old {
			if now, both := wished[key]; both && isKey(key) && !reflect.DeepEqual(now, value) {
				_ = unstructured.SetNestedField(before.Object, maskedBefore, slices.Concat(path, []string{key})...)
				_ = unstructured.SetNestedField(after.Object, maskedAfter, slices.Concat(path, []string{key})...)
			}
		}
	}
	return before, after
}

// secretMaps are the fields of a Secret that may hold its values: what kubectl applied last is an annotation.
var secretMaps = [][]string{{"data"}, {"stringData"}, {"metadata", "annotations"}}

// withoutValues is an object without the values that a Secret has; any other one as it is.
func withoutValues(o *unstructured.Unstructured) *unstructured.Unstructured {
	if !isSecret(IDOf(o)) {
		return o
	}
	bare := o.DeepCopy()
	for _, path := range secretMaps {
		values, found, err := unstructured.NestedMap(bare.Object, path...)
		if err != nil {
			unstructured.RemoveNestedField(bare.Object, path...)
		}
		if !found {
			continue
		}
		kept := make(map[string]any, len(values))
		for key := range values {
			if !isKey(key) {
				key = noKey
			}
			kept[key] = masked
		}
		_ = unstructured.SetNestedMap(bare.Object, kept, path...)
	}
	return bare
}

// Withheld takes the values out of a Secret as two commits ask for it, either of which may be nil, and leaves which of
// them differ; anything else stays as it is. No API server has looked at it: of fields that a Secret does not have,
// which may be misspelt, nothing is left either.
func Withheld(before, after *unstructured.Unstructured) (was, is *unstructured.Unstructured) {
	if before == nil && after == nil || !isSecret(IDOf(cmp.Or(after, before))) {
		return before, after
	}
	if after == nil {
		return onlyKnown(withoutValues(before)), nil
	}
	was, is = withheldSecrets(before, after)
	return onlyKnown(was), onlyKnown(is)
}

// onlyKnown is a Secret with nothing in it but the fields that every Secret has.
func onlyKnown(secret *unstructured.Unstructured) *unstructured.Unstructured {
	if secret == nil {
		return nil
	}
	bare := secret.DeepCopy()
	for key := range bare.Object {
		switch key {
		case "apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData":
		default:
			bare.Object[key] = masked
		}
	}
	metadata, _, _ := unstructured.NestedMap(bare.Object, "metadata")
	for key := range metadata {
		switch key {
		case "name", "namespace", "labels", "annotations":
		default:
			metadata[key] = masked
		}
	}
	_ = unstructured.SetNestedMap(bare.Object, metadata, "metadata")
	return bare
}
