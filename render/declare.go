package render

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// index says where objects are declared, by kustomize's own name for their identity.
type index map[string][]string

// place is where objects are declared.
type place struct {
	named  string
	number int // of the document
	yamlfile.Document
}

// declare notes an object of a file, or those of a list, beside those before, and refuses what is none.
func (x index) declare(before []resid.ResId, p place, n *yaml.Node) (all []resid.ResId, err error) {
	at := fmt.Sprintf("document %d (line %d)", p.number, p.Line(n))
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is no object: it must be a map with apiVersion, kind and metadata", at)
	}
	if len(n.Content) == 0 {
		return before, nil // kustomize passes over {}
	}
	if items := yamlfile.Field(n, "items"); items != nil && yamlfile.IsList(yamlfile.Text(n, "kind")) {
		if items.Kind == yaml.AliasNode {
			items = items.Alias
		}
		for _, item := range items.Content {
			if before, err = x.declare(before, p, item); err != nil {
				return nil, err
			}
		}
		return before, nil
	}
	for _, want := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}} {
		if yamlfile.Text(n, want...) == "" && !merges(n) {
			return nil, fmt.Errorf("%s is no object: it has no %s", at, dotted(want))
		}
	}
	group, version := resid.ParseGroupVersion(yamlfile.Text(n, "apiVersion"))
	id := resid.NewResIdWithNamespace(resid.NewGvk(group, version, yamlfile.Text(n, "kind")),
		yamlfile.Text(n, "metadata", "name"), yamlfile.Text(n, "metadata", "namespace"))
	where := fmt.Sprintf("%s (line %d)", p.named, p.Line(n))
	if key := id.String(); !slices.Contains(x[key], where) {
		x[key] = append(x[key], where)
	}
	return append(before, id), nil
}

// merges says that fields may come from elsewhere: kustomize writes << out before it looks for them.
func merges(object *yaml.Node) bool {
	return yamlfile.Field(object, "<<") != nil || yamlfile.Field(yamlfile.Field(object, "metadata"), "<<") != nil
}

func dotted(path []string) string { return strings.Join(path, ".") }
