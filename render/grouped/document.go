package grouped

import (
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// Document is what a file of objects is divided by: what is to be known of one of its documents. Whoever parses the
// file makes it.
type Document struct {
	ids   []resid.ResId
	words []string // that may be names: all texts of the document
	known bool     // to hold objects by themselves, if any
}

// Read looks into a document.
func Read(doc yamlfile.Document) (d Document) {
	for _, object := range doc.Objects() {
		if !d.declare(object) {
			return Document{}
		}
	}
	d.known = true
	return d
}

func (d *Document) declare(object yamlfile.Object) bool {
	n := object.Node
	if !plainAnnotations(n) {
		return false
	}
	words, known := texts(d.words, n)
	if !known {
		return false
	}
	d.words = words
	group, version := resid.ParseGroupVersion(yamlfile.Text(n, "apiVersion"))
	id := resid.NewResIdWithNamespace(resid.NewGvk(group, version, yamlfile.Text(n, "kind")),
		yamlfile.Text(n, "metadata", "name"), yamlfile.Text(n, "metadata", "namespace"))
	d.ids = append(d.ids, id)
	return id.Kind != "" && id.Name != ""
}
