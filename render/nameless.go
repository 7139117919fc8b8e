package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// nameless is how kustomize says that what should be an object or a patch has no name. It does not say where that is.
var nameless = regexp.MustCompile(`missing metadata\.name in object|unable to parse SM or JSON patch`)

// withoutName are the files, and lines in them, of what has a kind and no name; "" if there are none.
func (r *reader) withoutName() string {
	var places []string
	for _, file := range slices.Sorted(maps.Keys(r.checked)) {
		docs, err := documents(r.checked[file].content)
		if err != nil {
			continue
		}
		for _, doc := range docs {
			if doc.node == nil {
				continue
			}
			kind := text(doc.node, "kind")
			if kind == "" || kind == "Kustomization" || kind == "Component" || isList(kind) || text(field(doc.node, "metadata"), "name") != "" {
				continue
			}
			places = append(places, fmt.Sprintf("%s: line %d", file, doc.line(doc.node)))
		}
	}
	return strings.Join(places[:min(len(places), mostFields)], ", ")
}
