package dropped

import (
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Render is a render that was done, as it saw its tree. All paths are of the tree.
type Render interface {
	// Find follows a path: where it leads, and whether a folder is there.
	Find(path string) (at string, folder bool, err error)
	// Kustomized is the kustomization file of a folder, "" without one.
	Kustomized(folder string) (string, error)
	// File is a file as kustomize was given it.
	File(path string) (File, error)
	// Transformers are those that the kustomization of a folder lists as plugins, each as YAML.
	Transformers(folder string) [][]byte
	// Listed says on which line of a kustomization file, and by which field, a value is listed.
	Listed(kustomization, field, value string) string
}

// File is a file of a render.
type File struct {
	Content       []byte
	Objects       []resid.ResId        // that it adds to the render
	Kustomization *types.Kustomization // if it is one
}

// Object is an object of a render as a file has it.
type Object struct {
	File string
	Line int
	Node *yaml.Node
	ID   resid.ResId // by its kind and its first name
}

// Objects are the objects that the files of a folder's render declare, in their order.
func Objects(r Render, folder string) (all []Object) {
	h := follow(r, folder)
	for _, t := range h.all {
		if node, line := h.sourceNode(t); node != nil {
			id := resid.ResId{Gvk: t.gvk, Namespace: t.ids[0].namespace, Name: t.ids[0].name}
			all = append(all, Object{t.file, line, node, id})
		}
	}
	return all
}
