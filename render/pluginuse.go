package render

import (
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// pluginUse is what the plugins of a folder's kustomization are configured with.
type pluginUse struct {
	visits  int           // of files and folders that configure them
	objects []resid.ResId // that they generate
	data    []string      // the files that these are made of
	patches []string      // the files that these put there as well
	texts   [][]byte      // of transformers, as YAML
	affixes int           // of names, by transformers
}

// tooMany refuses folders of plugins that list each other over and over.
func (p *pluginUse) tooMany(limit int) error {
	if most := max(p.visits, len(p.objects), len(p.data), len(p.patches)); most > limit {
		return fmt.Errorf("lists more than %d plugins or files of theirs, counted each time that one is listed: list "+
			"fewer, or raise render.maxObjects", limit)
	}
	return nil
}

// add notes a plugin: the object that a generator generates, or the text of any other.
func (p *pluginUse) add(dir string, plugin *yaml.Node) {
	if kind, ok := strings.CutSuffix(yamlfile.Text(plugin, "kind"), "Generator"); ok {
		p.objects = append(p.objects, resid.NewResIdKindOnly(kind, yamlfile.Text(plugin, "metadata", "name")))
		return
	}
	p.keep(plugin)
	for key, value := range yamlfile.Pairs(plugin) {
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if strings.EqualFold(key.Value, "path") { // deeper down it is a field's
			p.patches = append(p.patches, path.Join(dir, value.Value))
		}
	}
}

// keep keeps a transformer's text.
func (p *pluginUse) keep(plugin *yaml.Node) {
	content, err := yaml.Marshal(plugin)
	if err != nil { // an alias out of what is here; kustomize does not read it either
		return
	}
	p.texts = append(p.texts, content)
	p.affixes += len(yamlfile.Text(plugin, "prefix")) + len(yamlfile.Text(plugin, "suffix"))
}
