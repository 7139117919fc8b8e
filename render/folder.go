package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// open finds the folder that is to be rendered and reads its kustomization file, or stands in for it if it has none.
func (r *reader) open(folder string) (own string, err error) {
	rel, isDir, err := r.find(inside(folder))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: is not in the tree%s", folder, r.present(folder))
	case err != nil:
		return "", err
	case !isDir:
		return "", fmt.Errorf("%s: is a file: give the folder that is to be rendered", folder)
	}
	own, err = r.kustomized(rel)
	switch {
	case err != nil:
		return "", err
	case own == "":
		err = r.standIn(folder, rel)
		return r.listing, err
	}
	r.top = own
	_, err = r.read(inside(own))
	return own, err
}

// standIn makes the kustomization file of a folder that has none.
func (r *reader) standIn(folder, rel string) (err error) {
	k := types.Kustomization{Namespace: r.limit.Namespace}
	if k.Resources, err = (&scan{r, rel}).folder(rel); err != nil {
		return r.refuse(err)
	}
	if len(k.Resources) == 0 {
		return fmt.Errorf("%s: has neither a kustomization file nor any *.yaml or *.yml file%s", folder,
			r.present(path.Join(folder, "?")))
	}
	content, err := yaml.Marshal(k)
	if err != nil {
		return fmt.Errorf("%s: list its files: %w", folder, err)
	}
	r.listing = path.Join(rel, konfig.DefaultKustomizationFileName())
	r.files[r.listing] = content
	return nil
}

// kustomized is the kustomization file of a folder, "" without one.
func (r *paths) kustomized(folder string) (string, error) {
	var found []string
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if r.isFile(path.Join(folder, name)) {
			found = append(found, name)
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("%s: has %s: keep one of them", folder, strings.Join(found, " and "))
	}
	if len(found) == 0 || r.reason() != nil {
		return "", r.reason()
	}
	return path.Join(folder, found[0]), nil
}

// scan lists what a folder without a kustomization file asks for, relative to it.
type scan struct {
	*reader
	base string
}

// folder lists what a folder below it, or itself, asks for.
func (r *scan) folder(folder string) (resources []string, err error) {
	r.note(folder)
	entries, err := fs.ReadDir(r.tree, folder)
	if err != nil {
		return nil, unread(folder, err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		below, err := r.entry(path.Join(folder, entry.Name()), entry.Type())
		if err != nil {
			return nil, err
		}
		resources = append(resources, below...)
	}
	return resources, nil
}

// entry lists what a file, or a subfolder with all that is below it, asks for.
func (r *scan) entry(name string, typ fs.FileMode) ([]string, error) {
	isYAML := path.Ext(name) == ".yaml" || path.Ext(name) == ".yml"
	if typ.IsRegular() && !isYAML {
		return nil, nil
	}
	rel, isDir, err := r.find(inside(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: is a link to nothing: remove it", name)
	case err != nil:
		return nil, err
	case isDir && rel != name:
		r.warn(name + ": is a link to a folder and not followed: list it in a kustomization file")
		return nil, nil
	case isDir:
		return r.below(name)
	case !isYAML:
		return nil, nil
	}
	return r.list(name)
}

// below lists a subfolder: as a base if it has a kustomization file, else by its files.
func (r *scan) below(folder string) ([]string, error) {
	own, err := r.kustomized(folder)
	if err != nil {
		return nil, err
	}
	if own != "" {
		return []string{strings.TrimPrefix(folder, prefix(r.base))}, nil
	}
	return r.folder(folder)
}

// list lists a file unless there is nothing in it, which kustomize would not take.
func (r *scan) list(name string) ([]string, error) {
	r.roles[name] |= asObjects
	content, err := r.read(inside(name))
	if err != nil {
		return nil, err
	}
	docs, err := yamlfile.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: is no YAML: %w", name, err)
	}
	for _, doc := range docs {
		if doc.Node != nil {
			return []string{strings.TrimPrefix(name, prefix(r.base))}, nil
		}
	}
	return nil, nil
}

func prefix(base string) string {
	if base == "." {
		return ""
	}
	return base + "/"
}

const mostNamed = 10 // entries of a folder in an error

// present says what there is in the last folder on the way that exists.
func (r *paths) present(missing string) string {
	for folder := path.Dir(missing); ; folder = path.Dir(folder) {
		entries, err := fs.ReadDir(r.tree, folder)
		if err != nil && folder != "." {
			continue
		}
		r.note(folder)
		var names []string
		for _, e := range entries[:min(len(entries), mostNamed)] {
			names = append(names, e.Name())
		}
		if len(entries) > mostNamed {
			names = append(names, fmt.Sprintf("and %d more", len(entries)-mostNamed))
		}
		if len(names) == 0 {
			names = []string{"nothing"}
		}
		if folder == "." {
			folder = "the root of the tree"
		}
		return fmt.Sprintf(": %s holds %s", folder, strings.Join(names, ", "))
	}
}
