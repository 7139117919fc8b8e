package dropped

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// twins are the elements of lists that stand twice in an object, and once after a patch that says nothing of it:
// kustomize merges lists by keys, and keeps one element of each.
func (h *history) twins(e *edit) (found []string) {
	for _, t := range e.to {
		if t.final == nil || t.file == "" || !e.selects(t.final) || !hasTwins(h.source(t)) {
			continue
		}
		before, after, ok := h.replay(e, t)
		if !ok {
			continue
		}
		for _, field := range twinsLost("", before, after, e.merge) {
			found = append(found, fmt.Sprintf("%s: %s of %s stands twice, and kustomize keeps one of them when it "+
				"merges this patch: leave one in %s",
				h.where(e), field, yamlfile.IdentityOf(t.final), t.file))
		}
	}
	return found
}

// byName are the elements of a list by what people tell them apart by.
func byName(list []any) map[string][]map[string]any {
	groups := map[string][]map[string]any{}
	for _, element := range list {
		m, isMap := element.(map[string]any)
		if name := elementName(-1, m); isMap && name != "-1" {
			groups[name] = append(groups[name], m)
		}
	}
	return groups
}

// distinct is how many different elements there are.
func distinct(group []map[string]any) (n int) {
	for i, element := range group {
		if !slices.ContainsFunc(group[:i], func(m map[string]any) bool { return reflect.DeepEqual(m, element) }) {
			n++
		}
	}
	return n
}

// hasTwins reports whether different elements of one name stand in any list.
func hasTwins(in any) bool {
	switch in := in.(type) {
	case map[string]any:
		for _, value := range in {
			if hasTwins(value) {
				return true
			}
		}
	case []any:
		for _, group := range byName(in) {
			if distinct(group) > 1 {
				return true
			}
		}
		return slices.ContainsFunc(in, hasTwins)
	}
	return false
}

// twinsLost are the fields below one whose elements became fewer, although the patch neither removes nor replaces any.
func twinsLost(at string, before, after, patch map[string]any) (fields []string) {
	if _, directed := patch["$patch"]; directed {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		below, touched := patch[key]
		field := strings.TrimPrefix(at+"."+key, ".")
		switch was := before[key].(type) {
		case map[string]any:
			is, there := after[key].(map[string]any)
			part, isMap := below.(map[string]any)
			if there && (isMap || !touched) {
				fields = append(fields, twinsLost(field, was, is, part)...)
			}
		case []any:
			is, _ := after[key].([]any)
			part, isList := below.([]any)
			if touched && (!isList || reflect.DeepEqual(is, part)) {
				continue // it is removed, or there is no merging of such a list
			}
			fields = append(fields, twinsLostOf(field, was, is, part)...)
		}
	}
	return fields
}

func twinsLostOf(at string, before, after, patch []any) (fields []string) {
	was, is, part := byName(before), byName(after), byName(patch)
	if slices.ContainsFunc(patch, isDirective) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		field, group := at+"["+name+"]", was[name]
		var meant map[string]any
		if len(part[name]) > 0 {
			meant = part[name][0]
		}
		switch {
		case meant["$patch"] != nil:
		case len(is[name]) > 0 && len(is[name]) < distinct(group):
			fields = append(fields, field)
		case len(group) == 1 && len(is[name]) == 1:
			fields = append(fields, twinsLost(field, group[0], is[name][0], meant)...)
		}
	}
	return fields
}

// isDirective reports whether an element of a list says what is to become of all of it.
func isDirective(element any) bool {
	m, isMap := element.(map[string]any)
	return isMap && m["$patch"] != nil && !hasValues(m) && len(m) == 1
}
