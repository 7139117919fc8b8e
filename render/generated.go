package render

import (
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// datum is a file that a generator makes objects from, and the key that its content gets; of an env file each line has one.
type datum struct {
	key, file string
	env       bool
}

func newDatum(dir, source string, env bool) datum {
	file := afterKey(source)
	key, _, named := strings.Cut(source, "=")
	if !named {
		key = path.Base(file)
	}
	return datum{key, path.Join(dir, file), env}
}

// data are what a kustomization generates objects from, each as often as it is named.
func (k kustomization) data() (all []datum) {
	add := func(g types.GeneratorArgs) {
		for _, source := range g.FileSources {
			all = append(all, newDatum(k.dir, source, false))
		}
		for _, file := range append(g.EnvSources, g.EnvSource) {
			if file != "" {
				all = append(all, datum{file: path.Join(k.dir, file), env: true})
			}
		}
	}
	for _, g := range k.ConfigMapGenerator {
		add(g.GeneratorArgs)
	}
	for _, g := range k.SecretGenerator {
		add(g.GeneratorArgs)
	}
	return all
}

// generated are the objects that a kustomization's generators add. Those that change what is there add none.
func (k kustomization) generated() (ids []resid.ResId) {
	add := func(kind string, g types.GeneratorArgs) {
		if behavior := types.NewGenerationBehavior(g.Behavior); behavior != types.BehaviorMerge && behavior != types.BehaviorReplace {
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
