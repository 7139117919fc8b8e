package render

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// plugged is what the plugins of a folder's kustomization are configured with.
type plugged struct {
	visits  int           // of files and folders that configure them
	objects []resid.ResId // that they generate
	data    []string      // the files that these are made of
}

// tooMany refuses folders of plugins that list each other over and over.
func (p *plugged) tooMany(limit int) error {
	if most := max(p.visits, len(p.objects), len(p.data)); most > limit {
		return fmt.Errorf("lists more than %d plugins or files of theirs, counted each time that one is listed: list fewer, or raise render.maxObjects", limit)
	}
	return nil
}

// generate notes the object that a plugin generates, if it is a generator.
func (p *plugged) generate(plugin *yaml.Node) {
	if kind, ok := strings.CutSuffix(text(plugin, "kind"), "Generator"); ok {
		p.objects = append(p.objects, resid.NewResIdKindOnly(kind, text(plugin, "metadata", "name")))
	}
}
