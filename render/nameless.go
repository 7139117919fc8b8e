package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// nameless is how kustomize says that what should be an object or a patch has no name. It does not say where that is.
var nameless = regexp.MustCompile(`missing metadata\.name in object|unable to parse SM or JSON patch`)

const mostNameless = 3 // places in an error

// withoutName are the files, and lines in them, of what has a kind and no name; "" if there are none.
func withoutName(files map[string]checked) string {
	var places []string
	for _, file := range slices.Sorted(maps.Keys(files)) {
		docs, err := yamlfile.Parse(files[file].content)
		if err != nil {
			continue
		}
		for _, doc := range docs {
			if doc.Node == nil {
				continue
			}
			kind := yamlfile.Text(doc.Node, "kind")
			if kind == "" || kind == "Kustomization" || kind == "Component" || yamlfile.IsList(kind) ||
				yamlfile.Text(yamlfile.Field(doc.Node, "metadata"), "name") != "" {
				continue
			}
			places = append(places, fmt.Sprintf("%s: line %d", file, doc.Line(doc.Node)))
		}
	}
	return strings.Join(places[:min(len(places), mostNameless)], ", ")
}
