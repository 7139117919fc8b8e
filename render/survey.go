package render

import (
	"context"
	"fmt"
	"path"
	"slices"
)

// survey goes through the folders as kustomize will, and counts what it will hold, before it does: kustomize can
// neither be interrupted nor told how much to take, and compares every object with all others when it takes it.
type survey struct {
	*reader
	within  map[string]bool // the kustomization files on the way to where it is
	affixes int             // of names, by the kustomizations on the way to where it is
}

// survey refuses what would be too large for kustomize, and what was refused on the way. Whatever else is wrong is
// kustomize's to say, and passed over: it must not hide what comes behind it. What is copied from object to object is
// not counted: whoever renders what others wrote does so in a process that can be ended (package child).
func (r *reader) survey(folder string) error {
	s := survey{reader: r, within: map[string]bool{}}
	defer func() { r.used = usage{} }()
	r.used = usage{}
	return s.resource(folder)
}

// resource is a file of objects, or a folder.
func (s *survey) resource(named string) error {
	rel, isDir, err := s.find(inside(named))
	switch {
	case err != nil:
		return s.reason()
	case isDir:
		return s.folder(rel)
	}
	_, err = s.count(named)
	return err
}

func (s *survey) count(named string) (checked, error) {
	c, err := s.look(inside(named))
	if err != nil {
		return checked{}, s.reason()
	}
	return c, s.use(named, c)
}

// folder is one with a kustomization file, in the order in which kustomize works it off.
func (s *survey) folder(folder string) error {
	own, err := s.kustomized(folder)
	if err != nil || own == "" || s.within[own] {
		return s.reason()
	}
	if err := s.inTime(own); err != nil {
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
		if err := s.resource(path.Join(folder, value)); err != nil {
			return err
		}
	}
	if err := s.files(c.lists); err != nil {
		return err
	}
	for _, value := range c.lists.Components {
		if err := s.resource(path.Join(folder, value)); err != nil {
			return err
		}
	}
	return nil
}

// files counts what a kustomization reads that are no objects: the data of generators, patches and the like.
func (s *survey) files(k *kustomization) error {
	p := s.pluginUse[k.dir]
	for _, file := range slices.Concat(k.data(), p.data, k.yaml(), p.patches) {
		if _, err := s.count(file); err != nil {
			return err
		}
	}
	return nil
}

// inTime refuses what is still gone through when the time for the render is over.
func (s *survey) inTime(named string) error {
	if s.ctx.Err() == nil {
		return nil
	}
	return s.refuse(fmt.Errorf("%s: %w", named, context.Cause(s.ctx)))
}
