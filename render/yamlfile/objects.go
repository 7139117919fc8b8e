package yamlfile

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Object is an object as a file has it.
type Object struct {
	Node *yaml.Node
	Line int // of the file
}

// Objects are the objects of a file, those of lists among them, in their order; none if it is no YAML.
func Objects(content []byte) (all []Object) {
	docs, err := Parse(content)
	if err != nil {
		return nil
	}
	for _, doc := range docs {
		all = append(all, doc.Objects()...)
	}
	return all
}

// Objects are the objects of a document, those of lists among them, in their order.
func (d Document) Objects() []Object {
	if d.Node == nil {
		return nil
	}
	return d.flatten(nil, d.Node)
}

func (d Document) flatten(all []Object, n *yaml.Node) []Object {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if items := Field(n, "items"); items != nil && IsList(Text(n, "kind")) {
		if items.Kind == yaml.AliasNode {
			items = items.Alias
		}
		for _, item := range items.Content {
			all = d.flatten(all, item)
		}
		return all
	}
	if len(n.Content) == 0 {
		return all // kustomize passes over {}
	}
	return append(all, Object{n, d.Line(n)})
}

// IsList is kustomize's rule for what it flattens.
func IsList(kind string) bool { return strings.HasSuffix(kind, "List") }

// Identity is what two objects of a cluster cannot have in common.
type Identity struct {
	schema.GroupKind
	Namespace, Name string
}

// IdentityOf is what tells an object from all others.
func IdentityOf(o *unstructured.Unstructured) Identity {
	return Identity{GroupKind: o.GroupVersionKind().GroupKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

func (i Identity) String() string {
	return strings.TrimSpace(i.Kind + " " + strings.TrimPrefix(i.Namespace+"/"+i.Name, "/"))
}
