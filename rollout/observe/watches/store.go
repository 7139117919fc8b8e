package watches

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/caught"
)

var errOver = errors.New("it has ended")

// Add, Update, Delete, Replace, Resync, UpdateResourceVersion and Transformer are called by client-go's reflector.
func (s *stream[T]) Add(o any) error { return s.Update(o) }

// Update notes a new or changed object, and tells whom it concerns, and whom it does not concern any more.
func (s *stream[T]) Update(o any) error {
	object, is := o.(T)
	if !is {
		return fmt.Errorf("watch: a %T does not belong here", o)
	}
	trimmed, bad := s.trimOne(object)
	p := s.pool
	p.mu.Lock()
	defer p.unlock()
	if s.over {
		return nil
	}
	if bad != nil {
		s.breaks(object, *bad)
	} else {
		s.put(trimmed, object.GetResourceVersion())
	}
	s.advance(object.GetResourceVersion())
	return nil
}

// trimOne trims an object. What panics there is the trouble of whose object it is: of one member's watch it is the
// watch's.
func (s *stream[T]) trimOne(object T) (trimmed T, bad *broken) {
	if s.of != nil {
		return s.trim(object), nil
	}
	name := object.GetName()
	if p := caught.Catch("taking in "+object.GetNamespace()+"/"+name, func() { trimmed = s.trim(object) }); p != nil {
		return trimmed, &broken{&metav1.ObjectMeta{Name: name, Labels: object.GetLabels()}, p}
	}
	return trimmed, nil
}

func (s *stream[T]) put(object T, version string) {
	name := object.GetName()
	delete(s.broken, name)
	was, had := s.held.get(name)
	if had && equality.Semantic.DeepEqual(was, object) {
		return
	}
	if had {
		s.others -= s.isOthers(was)
	}
	s.held.put(object)
	s.others += s.isOthers(object)
	concerned := s.concerned(object)
	for _, m := range concerned {
		s.tell(m, version, func() (news bool) { return m.follower.Put(object) })
	}
	if had {
		s.forget(was, version, concerned)
	}
}

// forget has those forget an object that it does not concern any more.
func (s *stream[T]) forget(was T, version string, still []*member[T]) {
	for _, m := range s.concerned(was) {
		if !slices.Contains(still, m) {
			s.tell(m, version, func() (news bool) { return m.follower.Remove(was.GetName()) })
		}
	}
}

// breaks notes an object that could not be trimmed.
func (s *stream[T]) breaks(object T, bad broken) {
	s.lose(object.GetName(), object.GetResourceVersion())
	for _, m := range s.concerned(object) {
		s.sendAway(m, bad.why)
	}
	if s.broken == nil {
		s.broken = map[string]broken{}
	}
	s.broken[bad.meta.Name] = bad
}

// Delete notes that an object is gone.
func (s *stream[T]) Delete(o any) error {
	object, is := o.(metav1.Object)
	if !is {
		return fmt.Errorf("watch: a %T does not belong here", o)
	}
	p := s.pool
	p.mu.Lock()
	defer p.unlock()
	if s.over {
		return nil
	}
	s.lose(object.GetName(), object.GetResourceVersion())
	s.advance(object.GetResourceVersion())
	return nil
}

func (s *stream[T]) lose(name, version string) {
	delete(s.broken, name)
	if was, had := s.held.get(name); had {
		s.held.remove(name)
		s.others -= s.isOthers(was)
		s.forget(was, version, nil)
	}
}

// Replace notes all the objects that there are.
func (s *stream[T]) Replace(objects []any, version string) error {
	all, bads := make(map[string]any, len(objects)), map[string]broken{}
	for _, o := range objects {
		object, is := o.(T)
		if !is {
			return fmt.Errorf("watch: a %T does not belong here", o)
		}
		trimmed, bad := s.trimOne(object)
		if bad != nil {
			bads[bad.meta.Name] = *bad
			continue
		}
		all[trimmed.GetName()] = trimmed
	}
	p := s.pool
	p.mu.Lock()
	defer p.unlock()
	if s.over {
		return nil
	}
	s.held.replace(all)
	s.broken, s.version, s.others = bads, version, s.countOthers()
	if s.of == nil && !s.began && (!isAtLeast(version, version) || s.others > mostOfOthers) {
		s.refuse()
		return nil
	}
	first := !s.began
	s.read, s.began = true, true
	for _, m := range s.tells() {
		if first && isOlder(version, m.seen) { // it is told as soon as this watch has come so far
			m.part()
			continue
		}
		s.tellAll(m)
	}
	p.arrange()
	return nil
}

// Resync does nothing: what is held is never acted on a second time.
func (s *stream[T]) Resync() error { return nil }

// UpdateResourceVersion notes how far the watch has come.
func (s *stream[T]) UpdateResourceVersion(version string) {
	s.pool.mu.Lock()
	defer s.pool.unlock()
	if !s.over {
		s.advance(version)
	}
}

// advance notes that held is all there is of a version: somebody may have waited for that.
func (s *stream[T]) advance(version string) {
	s.version = version
	if s.pool.moves || s.pool.shared == s && s.holdsTooMuch() {
		s.pool.arrange()
	}
}

// Transformer has the reflector trim what it collects before it calls Replace, so that the untrimmed objects of a large
// namespace are never held at once, and ends a watch to which too much comes that nobody selects.
func (s *stream[T]) Transformer() toolscache.TransformFunc {
	return func(o any) (any, error) {
		object, is := o.(T)
		if !is {
			return o, nil
		}
		if s.tooMuch(object) {
			return nil, errOver
		}
		if trimmed, bad := s.trimOne(object); bad == nil {
			return trimmed, nil
		}
		return o, nil // Replace will find it
	}
}

func (s *stream[T]) tooMuch(object T) bool {
	p := s.pool
	p.mu.Lock()
	defer p.unlock()
	if s.over {
		return true
	}
	if s.of != nil || s.began || len(p.index.of(object)) > 0 {
		return false
	}
	if s.early++; s.early > mostOfOthers {
		s.refuse()
	}
	return s.over
}
