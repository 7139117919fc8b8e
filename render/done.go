package render

import (
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/daemongate/daemongate/render/dropped"
	"github.com/daemongate/daemongate/render/grouped"
)

// done is a render that was done, as package dropped looks at it.
type done struct{ reader *reader }

// Find follows a path: where it leads, and whether a folder is there.
func (d done) Find(named string) (at string, folder bool, err error) {
	return d.reader.find(inside(named))
}

// Kustomized is the kustomization file of a folder, "" without one.
func (d done) Kustomized(folder string) (string, error) { return d.reader.kustomized(folder) }

// File is a file as kustomize was given it.
func (d done) File(named string) (dropped.File, error) {
	c, err := d.reader.look(inside(named))
	if err != nil {
		return dropped.File{}, err
	}
	var k *types.Kustomization
	if c.lists != nil {
		k = &c.lists.Kustomization
	}
	return dropped.File{Content: c.content, Objects: c.objects, Kustomization: k}, nil
}

// Documents are those of a file of objects.
func (d done) Documents(named string) []grouped.Document {
	c, err := d.reader.look(inside(named))
	if err != nil {
		return nil
	}
	return c.documents
}

// Transformers are those that the kustomization of a folder lists as plugins, each as YAML.
func (d done) Transformers(folder string) [][]byte { return d.reader.pluginUse[folder].texts }

// Listed says on which line of a kustomization file, and by which field, a value is listed.
func (d done) Listed(named, field, value string) string {
	rel, _, err := d.reader.find(inside(named))
	if err != nil {
		return named + ": " + field
	}
	k, err := parseKustomization(path.Dir(named), d.reader.files[rel], d.reader.limit.aliases())
	if err != nil {
		return named + ": " + field
	}
	line, field := k.where(field, value)
	return fmt.Sprintf("%s: line %d: %s", named, line, field)
}
