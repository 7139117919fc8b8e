package watches

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/caught"
)

// retryPause is after what time a follower that panicked is told again what it joined for.
const retryPause = 10 * time.Second

// take has a follower told by this watch from now on, first of all there is. The pool's lock is held.
func (s *stream[V]) take(m *member[V]) {
	m.part()
	m.stream = s
	s.members[m] = true
	at := m.wanted.alone()
	s.told[at] = append(s.told[at], m)
	if s.read {
		s.welcome(m)
	}
}

// welcome tells a follower all there is. One that panics is told again later.
func (s *stream[V]) welcome(m *member[V]) {
	p := caught.Catch("taking in what is watched", func() { s.tellAll(m) })
	if p == nil {
		return
	}
	_ = caught.Catch(p.Doing, func() { m.follower.Failed(p) })
	time.AfterFunc(retryPause, func() {
		s.kind.pool.mu.Lock()
		defer s.kind.pool.mu.Unlock()
		if m.stream == s && s.read {
			s.welcome(m)
		}
	})
}

func (s *stream[V]) drop(m *member[V]) {
	delete(s.members, m)
	at := m.wanted.alone()
	s.told[at] = slices.DeleteFunc(slices.Clone(s.told[at]), func(other *member[V]) bool { return other == m })
	if len(s.told[at]) == 0 {
		delete(s.told, at)
	}
}

// shared reports whether followers may be told by it that want to see something else than each other.
func (s *stream[V]) shared() bool { return s.scope.value == "" }

// tell tells a follower something. Where others share the watch, one that panics gets a watch of its own: there it is
// tried again after pauses, and is nobody else's trouble.
func (s *stream[V]) tell(m *member[V], what func()) {
	if !s.shared() {
		what()
		return
	}
	if p := caught.Catch("taking in what is watched", what); p != nil {
		s.sendAway(m, p)
	}
}

func (s *stream[V]) tellAll(m *member[V]) {
	at := m.wanted.alone()
	if err := s.broken[at]; err != nil {
		s.sendAway(m, err)
		return
	}
	all := make(map[string]V, len(s.held[at]))
	for name, v := range s.held[at] {
		all[name] = v
	}
	s.tell(m, func() { m.follower.Read(all, s.version) })
}

// sendAway has a follower watch alone.
func (s *stream[V]) sendAway(m *member[V], why error) {
	m.alone = true
	m.part()
	_ = caught.Catch("telling of a panic", func() { m.follower.Failed(why) })
	s.kind.gather()
}

// Add, Update, Delete, Replace and Resync are called by client-go's reflector.
func (s *stream[V]) Add(o any) error { return s.Update(o) }

// Update notes a new or changed object.
func (s *stream[V]) Update(o any) error { return s.note(o, false) }

// Delete notes that an object is gone, or has lost the label.
func (s *stream[V]) Delete(o any) error { return s.note(o, true) }

// seen is an object as it is kept.
type seen[V any] struct {
	name, version string
	object        scope // its namespace and name
	of            scope // whose it is
	v             V
	broken        error // it could not be trimmed
}

// see trims an object. What panics there is the trouble of whose object it is.
func (s *stream[V]) see(o any) (seen[V], error) {
	object, ok := o.(metav1.Object)
	if !ok {
		return seen[V]{}, fmt.Errorf("watch: a %T has no metadata", o)
	}
	namespace, name := object.GetNamespace(), object.GetName()
	is := seen[V]{name: name, version: object.GetResourceVersion(), object: scope{namespace, name},
		of: scope{namespace, object.GetLabels()[s.kind.pool.label]}}
	if !s.shared() {
		is.of, is.v = s.scope, s.kind.pool.trim(object)
		return is, nil
	}
	if p := caught.Catch("taking in "+namespace+"/"+name, func() { is.v = s.kind.pool.trim(object) }); p != nil {
		is.broken = p
	}
	return is, nil
}

// note notes what has become of an object, and tells whose it is, and whose it was.
func (s *stream[V]) note(o any, gone bool) error {
	is, err := s.see(o)
	if err != nil {
		return err
	}
	k := s.kind
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	if s.over {
		return nil
	}
	s.version = is.version
	if before, had := s.values[is.object]; had && before != is.of.value {
		s.lose(scope{is.of.namespace, before}, is)
	}
	if gone {
		s.lose(is.of, is)
		return nil
	}
	defer s.weigh()
	s.keep(is)
	for _, m := range s.told[is.of] {
		if is.broken != nil {
			s.sendAway(m, is.broken)
			continue
		}
		s.tell(m, func() { m.follower.See(is.name, is.v, false) })
	}
	return nil
}

func (s *stream[V]) keep(is seen[V]) {
	if told := s.told[is.of]; len(told) > 0 { // one text for all of its objects
		is.of = told[0].wanted.alone()
		is.object.namespace = is.of.namespace
	}
	s.values[is.object] = is.of.value
	if is.broken != nil {
		s.broken[is.of] = is.broken
		return
	}
	if s.held[is.of] == nil {
		s.held[is.of] = map[string]V{}
	}
	s.held[is.of][is.name] = is.v
}

// lose has whose object it was see that it is gone.
func (s *stream[V]) lose(of scope, is seen[V]) {
	delete(s.values, is.object)
	if delete(s.held[of], is.name); len(s.held[of]) == 0 {
		delete(s.held, of)
	}
	for _, m := range s.told[of] {
		s.tell(m, func() { m.follower.See(is.name, is.v, true) })
	}
}

// Replace notes all the objects that there are.
func (s *stream[V]) Replace(objects []any, resourceVersion string) error {
	all := make([]seen[V], 0, len(objects))
	for _, o := range objects {
		is, err := s.see(o)
		if err != nil {
			return err
		}
		all = append(all, is)
	}
	k := s.kind
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	if s.over {
		return nil
	}
	s.forget()
	for _, is := range all {
		s.keep(is)
	}
	s.version, s.read = resourceVersion, true
	for m := range s.members {
		s.tellAll(m)
	}
	k.arrange()
	return nil
}

// Resync does nothing: what is held is never acted on a second time.
func (s *stream[V]) Resync() error { return nil }
