// Package packages writes what installs Daemongate in the forms in which others install it: a kustomize base, and a
// Helm chart. Both are made of the objects that `daemongate install` applies.
package packages

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// Write writes a package to a folder, in the place of one that was written there before. Where its best-known file is
// somebody else's, nothing is written.
func (f Files) Write(folder string) error {
	for _, known := range []string{KustomizeFile, ChartFile} {
		at := filepath.Join(folder, known)
		there, err := os.ReadFile(at)
		switch {
		case f[known] == "" || errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !strings.HasPrefix(string(there), MadeBy):
			return fmt.Errorf("%s is there and was not made by daemongate install: give another folder", at)
		}
	}
	for path, text := range f {
		path = filepath.Join(folder, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
