package dropped

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// deletion is a `$patch: delete` in a strategic merge patch.
type deletion struct {
	field string
	path  []any // keys and indexes, from the patch's root
}

// deletions are those of a part of a patch. One at its root is meant for the whole object.
func deletions(in any, field string, path []any) (found []deletion) {
	below := func(value any, field string, step any) {
		next := append(slices.Clip(path), step)
		if m, ok := value.(map[string]any); ok && m["$patch"] == "delete" {
			found = append(found, deletion{field, next})
			return
		}
		found = append(found, deletions(value, field, next)...)
	}
	switch in := in.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(in)) {
			below(in[key], strings.TrimPrefix(field+"."+key, "."), key)
		}
	case []any:
		for i, element := range in {
			m, _ := element.(map[string]any)
			below(element, field+"["+elementName(i, m)+"]", i)
		}
	}
	return found
}

// without is a patch without what stands at a path, and without what is empty then.
func without(patch any, path []any) any {
	switch in := patch.(type) {
	case map[string]any:
		key, _ := path[0].(string)
		if len(path) > 1 {
			in[key] = without(in[key], path[1:])
		}
		if len(path) == 1 || in[key] == nil {
			delete(in, key)
		}
		if len(in) > 0 {
			return in
		}
	case []any:
		i, _ := path[0].(int)
		if len(path) > 1 {
			in[i] = without(in[i], path[1:])
		}
		if len(path) == 1 || in[i] == nil {
			in = slices.Delete(in, i, i+1)
		}
		if len(in) > 0 {
			return in
		}
	}
	return nil
}

// idle are the deletions of a patch without which each of its objects would come out the same: there is nothing to
// delete. Nothing is said if what the patch did to one of them is not known.
func (h *history) idle(e *edit) (found []string) {
	all := deletions(e.merge, "", nil)
	if len(all) == 0 || e.merge["$patch"] == "delete" {
		return nil
	}
	looked := 0
	for _, t := range e.to {
		if t.final == nil || t.file == "" {
			return nil
		}
		if !e.selects(t.final) {
			continue
		}
		before, after, ok := h.replay(e, t)
		if !ok {
			return nil
		}
		looked++
		all = slices.DeleteFunc(all, func(d deletion) bool { return !h.same(e, d, t, before, after) })
	}
	for _, d := range all {
		if looked > 0 {
			found = append(found, fmt.Sprintf("%s: $patch: delete of %s deletes nothing: it is not there: correct it "+
				"or remove it", h.where(e), d.field))
		}
	}
	return found
}

// same reports whether an object comes out of a patch as it does without one of the patch's deletions.
func (h *history) same(e *edit, d deletion, t *tracked, before, after map[string]any) bool {
	rest, _ := without(runtime.DeepCopyJSON(e.merge), d.path).(map[string]any)
	object, err := yaml.FromMap(before)
	if rest == nil || err != nil || !h.spend(t.size) || (&edit{merge: rest}).put(object) != nil {
		return false
	}
	return reflect.DeepEqual(filled(after), filled(plain(object)))
}

// filled is a value without the empty maps and lists in it: kustomize leaves one where it deletes from nothing.
func filled(value any) any {
	switch value := value.(type) {
	case map[string]any:
		left := map[string]any{}
		for key, below := range value {
			if below = filled(below); below != nil {
				left[key] = below
			}
		}
		if len(left) > 0 {
			return left
		}
		return nil
	case []any:
		var left []any
		for _, below := range value {
			if below = filled(below); below != nil {
				left = append(left, below)
			}
		}
		if len(left) > 0 {
			return left
		}
		return nil
	}
	return value
}
