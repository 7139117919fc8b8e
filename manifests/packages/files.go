// Package packages writes what installs Daemongate in the forms in which others install it: a kustomize base, and a
// Helm chart. Both are made of the objects that `daemongate install` applies.
package packages

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/install"
)

// Files are the texts of a package, by their paths in it.
type Files map[string]string

// MadeBy is the first line of the file that a package is known by: whoever finds another one there has not made it.
const MadeBy = "# Made by daemongate install: what is changed here is lost when it is made again.\n"

// The file by which each kind of package is known.
const (
	KustomizeFile = "kustomization.yaml"
	ChartFile     = "Chart.yaml"
)

// Kustomize is a base whose render is what install applies. Beside it are the alerts and the dashboard, for those who
// have them read from files.
func Kustomize(o install.Options) (Files, error) {
	objects, err := install.All(o)
	if err != nil {
		return nil, err
	}
	crd, others := split(objects)
	files := Files{KustomizeFile: MadeBy + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" +
		"resources:\n  - crd.yaml\n  - daemongate.yaml\n"}
	if files["crd.yaml"], err = Text(crd); err != nil {
		return nil, err
	}
	files["daemongate.yaml"], err = Text(others)
	files["monitoring/rules.yaml"], files["monitoring/dashboard.json"] = install.Rules, install.Dashboard
	return files, err
}

// split takes the definitions of resources apart from all others.
func split(objects []*unstructured.Unstructured) (crds, others []*unstructured.Unstructured) {
	for _, u := range objects {
		if u.GetKind() == "CustomResourceDefinition" {
			crds = append(crds, u)
		} else {
			others = append(others, u)
		}
	}
	return crds, others
}

// Text is objects as YAML, each a document.
func Text(objects []*unstructured.Unstructured) (string, error) {
	var text strings.Builder
	for _, u := range objects {
		one, err := yaml.Marshal(u.Object)
		if err != nil {
			return "", fmt.Errorf("write %s %s as YAML: %w", u.GetKind(), u.GetName(), err)
		}
		fmt.Fprintf(&text, "---\n%s", one)
	}
	return text.String(), nil
}

// Write writes a package to a folder, in the place of one that was written there before: what that one had and this one
// has not is removed, and all else is left. Where its best-known file is somebody else's, nothing is written.
func (f Files) Write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder) // so that no path leads out of the folder
	if err != nil {
		return err
	}
	defer root.Close()
	known := f.known()
	there, err := root.ReadFile(known)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !strings.HasPrefix(string(there), MadeBy):
		return fmt.Errorf("%s is there and was not made by daemongate install: give another folder",
			filepath.Join(folder, known))
	}
	for path, text := range f {
		if err := root.MkdirAll(filepath.Dir(filepath.FromSlash(path)), 0o755); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		if path == known {
			text = strings.Replace(text, MadeBy, MadeBy+listed+strings.Join(slices.Sorted(maps.Keys(f)), " ")+"\n", 1)
		}
		if err := root.WriteFile(filepath.FromSlash(path), []byte(text), 0o644); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return f.removeOthers(root, string(there))
}

// listed begins the line in the best-known file that names the files of the package.
const listed = "# Its files: "

// known is the file by which the package is known.
func (f Files) known() string {
	if f[ChartFile] != "" {
		return ChartFile
	}
	return KustomizeFile
}

// removeOthers removes the files that a package had which was here before, and this one has not.
func (f Files) removeOthers(root *os.Root, before string) error {
	for line := range strings.Lines(before) {
		names, is := strings.CutPrefix(line, listed)
		if !is {
			continue
		}
		for _, name := range strings.Fields(names) {
			if _, stays := f[name]; stays {
				continue
			}
			if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove what an earlier export has left: %w", err)
			}
		}
	}
	return nil
}
