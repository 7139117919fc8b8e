package render

import (
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	kustomizeutils "sigs.k8s.io/kustomize/kyaml/utils"
)

// trail is a path into objects.
type trail struct {
	keys    []string // on it; what selects the elements of a list is none
	several bool     // it can lead to several places of an object:
	list    string   // to elements of what stands under this key, or to what is in them,
	deep    bool     // or to elements of these elements
	within  bool     // it ends with an element of a list
}

// last is the key that it ends with, "" if it leads to the whole object.
func (w trail) last() string {
	if len(w.keys) == 0 {
		return ""
	}
	return w.keys[len(w.keys)-1]
}

func (w *trail) add(part string) {
	w.within = !isKey(part)
	if !w.within {
		w.keys = append(w.keys, part)
	}
}

// fieldPath is the path of a replacement or var.
func fieldPath(path string) (w trail) {
	if path == "" {
		path = types.DefaultReplacementFieldPath
	}
	for _, part := range kustomizeutils.SmarterPathSplitter(path, ".") {
		key, index, _ := strings.Cut(part, "[")
		if strings.Contains(index, "=") || part == "*" {
			w.deep = w.deep || w.several && w.within
			w.several, w.list = true, w.last()
		}
		if key == "" && !strings.Contains(index, "=") {
			key, index = strings.TrimSuffix(index, "]"), ""
		}
		w.add(key)
		w.within = w.within || index != ""
	}
	return w
}

// pointer is a JSON pointer (RFC 6901), or the path of a transformer's field, in which a list is marked by [].
func pointer(path string) (w trail) {
	for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		w.add(strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimSuffix(part, "[]")))
	}
	return w
}

func isKey(part string) bool {
	_, err := strconv.Atoi(part)
	return err != nil && part != "" && part != "*" && part != "-"
}
