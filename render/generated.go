package render

import (
	"path"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// data are the files that a kustomization generates objects from, each as often as it is named.
func (k kustomization) data() (files []string) {
	add := func(g types.GeneratorArgs) {
		for _, source := range g.FileSources {
			files = append(files, path.Join(k.dir, afterKey(source)))
		}
		for _, file := range append(g.EnvSources, g.EnvSource) {
			if file != "" {
				files = append(files, path.Join(k.dir, file))
			}
		}
	}
	for _, g := range k.ConfigMapGenerator {
		add(g.GeneratorArgs)
	}
	for _, g := range k.SecretGenerator {
		add(g.GeneratorArgs)
	}
	return files
}

// generated are the objects that a kustomization's generators add. Those that change what is there add none.
func (k kustomization) generated() (ids []resid.ResId) {
	add := func(kind string, g types.GeneratorArgs) {
		behavior := types.NewGenerationBehavior(g.Behavior)
		if behavior != types.BehaviorMerge && behavior != types.BehaviorReplace {
			ids = append(ids, resid.NewResIdKindOnly(kind, g.Name))
		}
	}
	for _, g := range k.ConfigMapGenerator {
		add("ConfigMap", g.GeneratorArgs)
	}
	for _, g := range k.SecretGenerator {
		add("Secret", g.GeneratorArgs)
	}
	return ids
}
