package render

import (
	"context"
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/kyaml/resid"
)

// survey goes through the folders as kustomize will, and counts what it will hold, before it does: kustomize can neither
// be interrupted nor told how much to take, and compares every object with all others when it takes it.
type survey struct {
	*reader
	within  map[string]bool  // the kustomization files on the way to where it is
	objects []resid.ResId    // so far, as their files name them
	copied  int64            // bytes that are put into objects, counted in each
	spreads bool             // something is copied from object to object
	growth  *growth          // by that; nil before it is known
	keys    map[string]*keys // by file
	specs   []trail          // of fields that kustomizations name
	affixes int              // of names, by the kustomizations on the way to where it is
}

// survey refuses what would be too large for kustomize, and what was refused on the way. Whatever else is wrong is
// kustomize's to say, and passed over: it must not hide what comes behind it. It goes a second time where values are copied
// from object to object: few kustomizations do that, and all files must be looked into for it.
func (r *reader) survey(folder string) error {
	s := survey{reader: r, within: map[string]bool{}}
	defer func() { r.used = usage{} }()
	r.used = usage{}
	if err := s.resource(folder, 0); err != nil || !s.spreads {
		return err
	}
	r.used = usage{}
	s = survey{reader: r, within: map[string]bool{}, growth: newGrowth(), keys: map[string]*keys{}}
	if err := s.resource(folder, 0); err != nil {
		return err
	}
	return s.expand(folder)
}

// resource is a file of objects, or a folder. A component works on the objects from first on; any other folder on its own.
func (s *survey) resource(named string, first int) error {
	rel, isDir, err := s.find(inside(named))
	switch {
	case err != nil:
		return s.reason()
	case isDir:
		return s.folder(rel, first)
	}
	c, err := s.count(named)
	s.objects = append(s.objects, c.objects...)
	return err
}

func (s *survey) count(named string) (checked, error) {
	c, err := s.look(inside(named))
	if err != nil {
		return checked{}, s.reason()
	}
	s.learn(named, c)
	return c, s.use(named, c)
}

// folder is one with a kustomization file, in the order in which kustomize works it off.
func (s *survey) folder(folder string, first int) error {
	own, err := s.kustomized(folder)
	if err != nil || own == "" || s.within[own] {
		return s.reason()
	}
	if err := s.late(own); err != nil {
		return err
	}
	s.within[own] = true
	defer delete(s.within, own)
	c, err := s.count(own)
	if err != nil || c.lists == nil {
		return err
	}
	defer func(before int) { s.affixes = before }(s.affixes)
	if err := s.affix(own, c.lists); err != nil {
		return err
	}
	for _, value := range c.lists.Resources {
		if err := s.resource(path.Join(folder, value), len(s.objects)); err != nil {
			return err
		}
	}
	s.objects = append(s.objects, c.objects...)
	if err := s.files(c.lists); err != nil {
		return err
	}
	for _, value := range c.lists.Components {
		if err := s.resource(path.Join(folder, value), first); err != nil {
			return err
		}
	}
	if err := s.copies(own, c.lists, s.objects[first:]); err != nil {
		return err
	}
	return s.spread(own, c.lists, s.objects[first:])
}

// files counts what a kustomization reads that are no objects: the data of generators, patches and the like.
func (s *survey) files(k *kustomization) error {
	for _, d := range append(k.data(), s.plugged[k.dir].data...) {
		c, err := s.count(d.file)
		if err != nil {
			return err
		}
		s.learnData(d, c.content)
	}
	for _, file := range append(k.yaml(), s.plugged[k.dir].patches...) {
		if _, err := s.count(file); err != nil {
			return err
		}
	}
	return nil
}

// late refuses what is still gone through when the time for the render is over.
func (s *survey) late(named string) error {
	if s.ctx.Err() == nil {
		return nil
	}
	return s.refuse(fmt.Errorf("%s: %w", named, context.Cause(s.ctx)))
}
