package dropped

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// search is the work that the search may still take. What is hostile enough to need more is not searched to its end.
type search struct{ left int }

// mostWork is how many comparisons the search may take: some hundred for each object of a large render.
const mostWork = 20_000_000

// spend reports whether there is any work left.
func (s *search) spend(n int) bool {
	s.left -= n
	return s.left > 0
}

// missing are the fields of a strategic merge patch whose values an object does not have. What the patch removes, and
// what only directs the merge, is no value.
func (s *search) missing(patch, object map[string]any) []string {
	return s.absent("", patch, object)
}

func (s *search) absent(at string, patch, object map[string]any) (fields []string) {
	if directive, ok := patch["$patch"]; ok && directive == "delete" || !s.spend(len(patch)) {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		value, field := patch[key], strings.TrimPrefix(at+"."+key, ".")
		if value == nil || strings.HasPrefix(key, "$") || names(field) {
			continue
		}
		has, there := object[key]
		fields = append(fields, s.absentValue(field, value, has, there)...)
	}
	return fields
}

func (s *search) absentValue(field string, value, has any, there bool) []string {
	switch value := value.(type) {
	case map[string]any:
		below, isMap := has.(map[string]any)
		if there && !isMap || !there && len(value) == 0 {
			return []string{field}
		}
		return s.absent(field, value, below)
	case []any:
		list, _ := has.([]any)
		return s.absentElements(field, value, list)
	}
	if !there || !equal(value, has) {
		return []string{field}
	}
	return nil
}

// names reports whether a field tells which object a patch is for, or is taken out by kustomize.
func names(field string) bool {
	for _, annotation := range []string{
		"internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/",
	} {
		if strings.HasPrefix(field, "metadata.annotations."+annotation) {
			return true
		}
	}
	return slices.Contains([]string{"apiVersion", "kind", "metadata.name", "metadata.namespace"}, field)
}

// absentElements are the elements of a list, or fields of them, that another list has not got.
func (s *search) absentElements(at string, patch, list []any) (fields []string) {
	for i, element := range patch {
		want, isMap := element.(map[string]any)
		if !isMap {
			if element != nil && s.spend(len(list)) &&
				!slices.ContainsFunc(list, func(has any) bool { return equal(element, has) }) {
				fields = append(fields, at+"["+strconv.Itoa(i)+"]")
			}
			continue
		}
		fields = append(fields, s.absentElement(at+"["+elementName(i, want)+"]", want, list)...)
	}
	return fields
}

// absentElement is an element that none of a list has all of: what its likeliest counterpart lacks, or all of it.
func (s *search) absentElement(at string, want map[string]any, list []any) (least []string) {
	if !hasValues(want) {
		return nil
	}
	least = []string{at}
	found := false
	for _, element := range list {
		has, isMap := element.(map[string]any)
		if !isMap {
			continue
		}
		lacks := s.absent(at, want, has)
		if len(lacks) == 0 {
			return nil
		}
		if counterpart(want, has) && (!found || len(lacks) < len(least)) {
			least, found = lacks, true
		}
	}
	return least
}

// hasValues reports whether an element is more than a directive.
func hasValues(element map[string]any) bool {
	if element["$patch"] == "delete" {
		return false
	}
	for key, value := range element {
		if !strings.HasPrefix(key, "$") && value != nil {
			return true
		}
	}
	return false
}

// identifying are the keys by which people tell the elements of a list apart.
var identifying = []string{"name", "mountPath", "devicePath", "containerPort", "port", "ip", "key", "topologyKey",
	"type", "ipFamily", "uid"}

func elementName(i int, element map[string]any) string {
	for _, key := range identifying {
		if value, ok := element[key]; ok {
			return fmt.Sprint(value)
		}
	}
	return strconv.Itoa(i)
}

func counterpart(a, b map[string]any) bool {
	for _, key := range identifying {
		if value, ok := a[key]; ok {
			return equal(value, b[key])
		}
	}
	return false
}

func equal(a, b any) bool {
	return reflect.DeepEqual(a, b) || isScalar(a) && isScalar(b) && fmt.Sprint(a) == fmt.Sprint(b)
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any, nil:
		return false
	}
	return true
}

// stands reports whether there is anything at the path of a JSON pointer (RFC 6901).
func stands(object any, pointer string) bool {
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch below := object.(type) {
		case map[string]any:
			value, ok := below[part]
			if !ok {
				return false
			}
			object = value
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(below) || i < -len(below) {
				return false
			}
			if i < 0 {
				i += len(below)
			}
			object = below[i]
		default:
			return false
		}
	}
	return true
}
