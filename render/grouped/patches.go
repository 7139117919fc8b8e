package grouped

import (
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// patch is an entry of a kustomization's patches.
type patch struct {
	own      types.Patch
	content  []byte // of its file, if it has one
	ids      []resid.ResId
	selector *types.SelectorRegex
	words    []string // that may be names: all its texts
	items    map[*item]bool
	first    *item // of these
}

// patchesOf reads the patches of a kustomization. It is false if one is not known to leave identities alone.
func (l *loader) patchesOf(n *node) bool {
	for _, own := range n.own.Patches {
		p := &patch{own: own, items: map[*item]bool{}}
		if own.Options != nil || (own.Path == "") == (own.Patch == "") {
			return false
		}
		text := []byte(own.Patch)
		if own.Path != "" {
			file, err := l.source.File(path.Join(n.folder, own.Path))
			if err != nil {
				return false
			}
			text, p.content = file.Content, file.Content
		}
		if own.Target != nil {
			selector, err := types.NewSelectorRegex(own.Target)
			if err != nil {
				return false
			}
			p.selector = selector
		}
		if !p.read(text) {
			return false
		}
		n.patches = append(n.patches, p)
	}
	return true
}

func (p *patch) read(text []byte) bool {
	docs, err := yamlfile.Parse(text)
	if err != nil {
		return false
	}
	for _, doc := range docs {
		if doc.Node == nil {
			return false
		}
		words, known := texts(p.words, doc.Node)
		if !known {
			return false
		}
		p.words = words
		if doc.Node.Kind == yaml.SequenceNode {
			known = p.selector != nil && len(docs) == 1 && plainOperations(doc.Node)
		} else {
			known = p.merge(doc.Node)
		}
		if !known {
			return false
		}
	}
	return len(p.ids) > 0 || p.selector != nil
}

// merge reads a strategic merge patch.
func (p *patch) merge(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || yamlfile.Field(n, "$patch") != nil || !plainAnnotations(n) {
		return false
	}
	metadata := yamlfile.Field(n, "metadata")
	if metadata == nil || yamlfile.Field(metadata, "$patch") != nil {
		return false
	}
	if p.selector != nil {
		return true
	}
	group, version := resid.ParseGroupVersion(yamlfile.Text(n, "apiVersion"))
	id := resid.NewResIdWithNamespace(resid.NewGvk(group, version, yamlfile.Text(n, "kind")),
		yamlfile.Text(metadata, "name"), yamlfile.Text(metadata, "namespace"))
	p.ids = append(p.ids, id)
	return id.Kind != "" && id.Name != ""
}

// plainOperations says whether a JSON patch leaves alone what tells an object from others, and its annotations, but for
// labels and annotations that it sets.
func plainOperations(list *yaml.Node) bool {
	for _, operation := range list.Content {
		op := yamlfile.Text(operation, "op")
		for _, field := range []string{"path", "from"} {
			at := yamlfile.Field(operation, field)
			if at == nil && field == "from" {
				continue
			}
			if at == nil || at.Kind != yaml.ScalarNode || !plainPath(op, at.Value) {
				return false
			}
			value := yamlfile.Field(operation, "value")
			if strings.HasPrefix(at.Value, "/metadata/") && (value == nil || value.Kind != yaml.ScalarNode ||
				value.Tag != yaml.NodeTagString) {
				return false
			}
		}
	}
	return true
}

func plainPath(op, at string) bool {
	parts := strings.Split(at, "/")
	if len(parts) < 2 || parts[0] != "" || strings.Contains(parts[1], "~") {
		return false
	}
	switch parts[1] {
	case "metadata":
		return (op == "add" || op == "replace") && len(parts) == 4 &&
			(parts[2] == "labels" || parts[2] == "annotations")
	case "apiVersion", "kind", "":
		return false
	}
	return true
}

// selects finds the objects that the patch may be meant for; kustomize looks at the rest of its target.
func (p *patch) selects(objects []*object) {
	for _, o := range objects {
		if !p.selector.MatchGvk(o.ids[0].Gvk) {
			continue
		}
		for _, id := range o.ids {
			if p.selector.MatchName(id.Name) {
				p.meantFor(o.item)
				break
			}
		}
	}
}

func (p *patch) meantFor(items ...*item) {
	for _, it := range items {
		if p.items[it] {
			continue
		}
		if p.first == nil {
			p.first = it
		}
		p.items[it] = true
		it.patches = append(it.patches, p)
	}
}
