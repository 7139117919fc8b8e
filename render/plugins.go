package render

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// What configures a generator, a transformer or a validator names paths of its own, which kustomize reads through the
// loader that goes to the network. It is looked into before kustomize is, where the kustomization file that lists it is
// read, because the paths are relative to that one.

const maxPluginFolders = 20 // one below the other; more is a circle

// plugins checks a file that configures plugins, or a folder of such files.
func (r *reader) plugins(dir, named string, depth int) error {
	rel, isDir, err := r.find(inside(named))
	if err != nil {
		return nil // kustomize says what is missing
	}
	r.pluginUse[dir].visits++
	if err := r.pluginUse[dir].tooMany(r.limit.Objects); err != nil {
		return fmt.Errorf("%s: %w", named, err)
	}
	if isDir {
		return r.pluginFolder(dir, rel, depth)
	}
	r.roles[named] |= asPlugin
	content, err := r.read(inside(named))
	if err != nil {
		return err
	}
	docs, err := yamlfile.Parse(content)
	if err != nil {
		return fmt.Errorf("%s: is no YAML: %w", named, err)
	}
	for _, doc := range docs {
		if err := r.plugin(dir, doc, doc.Node); err != nil {
			return fmt.Errorf("%s: %w", named, err)
		}
	}
	return nil
}

// pluginFolder is a kustomization whose objects configure plugins.
func (r *reader) pluginFolder(dir, folder string, depth int) error {
	if depth >= maxPluginFolders {
		return fmt.Errorf("%s: is in a circle of folders that list each other", folder)
	}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		named := path.Join(folder, name)
		if !r.isFile(named) {
			continue
		}
		content, err := r.read(inside(named))
		if err != nil {
			return err
		}
		k, err := parseKustomization(folder, content, r.aliases)
		if err != nil {
			return fmt.Errorf("%s: %w", named, err)
		}
		k.FixKustomization()
		if err := errors.Join(k.refused(), k.assembles()); err != nil {
			return fmt.Errorf("%s: %w", named, err)
		}
		for _, below := range slices.Concat(k.Resources, k.Components) {
			if err := r.plugins(dir, path.Join(folder, below), depth+1); err != nil {
				return err
			}
		}
		r.pluginUse[dir].affixes += len(k.NamePrefix) + len(k.NameSuffix)
	}
	return nil
}

// inlinePlugin checks what stands in the kustomization file itself.
func (r *reader) inlinePlugin(k kustomization, at, value string) error {
	docs, err := yamlfile.Parse([]byte(value))
	if err != nil {
		return fmt.Errorf("%s: is no YAML: %w", at, err)
	}
	for _, doc := range docs {
		if err := errors.Join(r.aliases.Weigh(doc), doc.Strict()); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if err := r.plugin(k.dir, doc, doc.Node); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// plugin refuses everything but kustomize's builtin plugins with paths of the tree.
func (r *reader) plugin(dir string, doc yamlfile.Document, n *yaml.Node) error {
	if n == nil || len(n.Content) == 0 && n.Kind == yaml.MappingNode {
		return nil
	}
	if items := yamlfile.Field(n, "items"); items != nil && yamlfile.IsList(yamlfile.Text(n, "kind")) {
		for _, item := range items.Content {
			if err := r.plugin(dir, doc, item); err != nil {
				return err
			}
		}
		return nil
	}
	if err := builtin(n); err != nil {
		return fmt.Errorf("line %d: %w", doc.Line(n), err)
	}
	if err := r.aliases.WeighTexts(doc, n); err != nil {
		return err
	}
	r.pluginUse[dir].add(dir, n)
	return errors.Join(r.pluginPaths(dir, doc, n), r.pluginUse[dir].tooMany(r.limit.Objects))
}

func builtin(n *yaml.Node) error {
	annotations := yamlfile.Field(yamlfile.Field(n, "metadata"), "annotations")
	for _, function := range functions {
		if yamlfile.Field(annotations, function) != nil {
			return fmt.Errorf("%s: %s is refused: no container or program is started for a render",
				yamlfile.Text(n, "kind"), function)
		}
	}
	switch apiVersion, kind := yamlfile.Text(n, "apiVersion"), yamlfile.Text(n, "kind"); {
	case merges(n):
		return errors.New("<< is refused in what configures a plugin: write it out")
	case kind == "HelmChartInflationGenerator":
		return errors.New("HelmChartInflationGenerator is refused: helm is not run; commit what the chart renders to")
	case apiVersion != konfig.BuiltinPluginApiVersion:
		return fmt.Errorf("%s of %s is a plugin that would execute something, which is refused: only kustomize's own "+
			"(apiVersion: builtin) are run", kind, apiVersion)
	}
	return nil
}

// pluginPaths checks everything that a builtin plugin may take for a path. Which fields that are differs by plugin;
// none of them uses one of these names for anything that may be remote.
func (r *reader) pluginPaths(dir string, doc yamlfile.Document, n *yaml.Node) error {
	names := []string{"path", "paths", "files", "env", "envs", "targetfilepath"}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for key, value := range yamlfile.Pairs(n) {
		if slices.Contains(names, strings.ToLower(key.Value)) {
			if err := r.pluginPath(dir, doc, key.Value, value); err != nil {
				return err
			}
		}
		if err := r.pluginPaths(dir, doc, value); err != nil {
			return err
		}
	}
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			if err := r.pluginPaths(dir, doc, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) pluginPath(dir string, doc yamlfile.Document, key string, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for _, c := range n.Content {
		if err := r.pluginPath(dir, doc, key, c); err != nil {
			return err
		}
	}
	if n.Kind != yaml.ScalarNode || strings.Contains(n.Value, "\n") {
		return nil
	}
	for _, value := range []string{n.Value, afterKey(n.Value)} {
		if scheme(value) {
			return fmt.Errorf("line %d: %s: %s: is remote, and only what the repository holds is rendered: copy it in",
				doc.Line(n), key, value)
		}
	}
	if !r.sameTree(dir, afterKey(n.Value)) {
		return fmt.Errorf("line %d: %s: %s: leads out of the tree: only what the repository holds is read", doc.Line(n),
			key, n.Value)
	}
	as := asYAML
	if strings.HasPrefix(strings.ToLower(key), "file") || strings.HasPrefix(strings.ToLower(key), "env") {
		as = asData
		r.pluginUse[dir].data = append(r.pluginUse[dir].data, path.Join(dir, afterKey(n.Value)))
	}
	r.roles[path.Join(dir, afterKey(n.Value))] |= as
	return nil
}
