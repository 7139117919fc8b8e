package render

import (
	"path"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// survey goes through the folders as kustomize will, and counts what it will hold, before it does: kustomize can neither
// be interrupted nor told how much to take, and compares every object with all others when it takes it.
type survey struct {
	*reader
	within map[string]bool // the kustomization files on the way to where it is
}

// survey refuses what would be too large for kustomize. Other errors are kustomize's to make.
func (r *reader) survey(folder string) error {
	s := survey{reader: r, within: map[string]bool{}}
	r.used = usage{}
	_ = s.resource(folder)
	r.used = usage{}
	return r.reason()
}

// resource is a file of objects, or a folder.
func (s *survey) resource(named string) error {
	rel, isDir, err := s.find(inside(named))
	switch {
	case err != nil:
		return err
	case isDir:
		return s.folder(rel)
	}
	_, err = s.count(named)
	return err
}

func (s *survey) count(named string) (checked, error) {
	c, err := s.look(inside(named))
	if err != nil {
		return c, err
	}
	return c, s.use(named, c)
}

// folder is one with a kustomization file, in the order in which kustomize works it off.
func (s *survey) folder(folder string) error {
	own, err := s.kustomized(folder)
	if err != nil || own == "" || s.within[own] {
		return err
	}
	s.within[own] = true
	defer delete(s.within, own)
	c, err := s.count(own)
	if err != nil {
		return err
	}
	for _, value := range c.lists.Resources {
		if err := s.resource(path.Join(folder, value)); err != nil {
			return err
		}
	}
	for _, named := range append(sourceFiles(folder, c.lists), s.plugged[folder].data...) {
		if _, err := s.count(named); err != nil {
			return err
		}
	}
	for _, value := range c.lists.Components {
		if err := s.resource(path.Join(folder, value)); err != nil {
			return err
		}
	}
	return nil
}

// sourceFiles are the files that a kustomization generates objects from, each as often as it is named.
func sourceFiles(folder string, k *types.Kustomization) (files []string) {
	add := func(g types.GeneratorArgs) {
		for _, file := range sources(g.KvPairSources) {
			if file != "" {
				files = append(files, path.Join(folder, file))
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
func generated(k *types.Kustomization) (ids []resid.ResId) {
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
