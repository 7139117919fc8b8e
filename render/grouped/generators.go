package grouped

import (
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// generators reads what a kustomization's generators are made of.
func (l *loader) generators(n *node) bool {
	for i := range n.own.ConfigMapGenerator {
		it := l.generator(n, "ConfigMap", n.own.ConfigMapGenerator[i].GeneratorArgs)
		if it == nil {
			return false
		}
		n.configMaps = append(n.configMaps, it)
	}
	for i := range n.own.SecretGenerator {
		it := l.generator(n, "Secret", n.own.SecretGenerator[i].GeneratorArgs)
		if it == nil {
			return false
		}
		n.secrets = append(n.secrets, it)
	}
	return true
}

func (l *loader) generator(n *node, kind string, g types.GeneratorArgs) *item {
	it := &item{key: strings.Join([]string{n.folder, kind, g.Name}, "\x00"), generator: true,
		files: map[string][]byte{}}
	behavior := types.NewGenerationBehavior(g.Behavior)
	it.merges = behavior == types.BehaviorMerge || behavior == types.BehaviorReplace
	it.ids = []resid.ResId{resid.NewResIdWithNamespace(resid.NewGvk("", "v1", kind), g.Name, g.Namespace)}
	for _, source := range g.FileSources {
		name, file := keyed(source)
		if name == "" || file == "" || strings.Contains(file, "=") || !l.data(n, it, file) {
			return nil
		}
	}
	for _, file := range append(g.EnvSources, g.EnvSource) {
		if file != "" && !l.data(n, it, file) {
			return nil
		}
	}
	if g.Name == "" || !divisibleOptions(g.Options) || !divisibleOptions(n.own.GeneratorOptions) {
		return nil
	}
	l.add(it)
	return it
}

func (l *loader) data(n *node, it *item, named string) bool {
	file, err := l.source.File(path.Join(n.folder, named))
	it.files[named] = file.Content
	return err == nil
}

// divisibleOptions says whether the annotations that a generator sets give kustomize no instructions.
func divisibleOptions(o *types.GeneratorOptions) bool {
	if o == nil {
		return true
	}
	for name := range o.Annotations {
		for _, instruction := range instructions {
			if strings.Contains(name, instruction) {
				return false
			}
		}
	}
	return true
}

// keyed is a file of a generator, and the key that its content gets.
func keyed(source string) (name, file string) {
	if name, file, ok := strings.Cut(source, "="); ok {
		return name, file
	}
	return path.Base(source), source
}

// generatorIn is a generator whose files have other names, which are short and say nothing of where they were.
func generatorIn(g types.GeneratorArgs, put func(named string) string) types.GeneratorArgs {
	var files []string
	for _, source := range g.FileSources {
		name, file := keyed(source)
		files = append(files, name+"="+put(file))
	}
	g.FileSources = files
	var envs []string
	for _, file := range g.EnvSources {
		envs = append(envs, put(file))
	}
	g.EnvSources = envs
	if g.EnvSource != "" {
		g.EnvSource = put(g.EnvSource)
	}
	return g
}
