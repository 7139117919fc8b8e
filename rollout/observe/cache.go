package observe

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

// cache holds the objects of one watch, trimmed, in the order of their names. It tells of a change only if something
// that was kept has changed: a heartbeat of a node is no news.
type cache[T metav1.Object] struct {
	watching
	trim func(T) T // idempotent; makes a copy

	mu     sync.RWMutex
	byName []T  // sorted; all are of one namespace, or of none
	lent   bool // somebody has the list: it is copied before it is changed
}

// list returns the objects. The slice is shared, as they are: of two looks between which nothing has happened it is the
// same.
func (c *cache[T]) list() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent = true
	return slices.Clip(c.byName)
}

// own has the list be nobody else's, so that it can be changed. The lock is held.
func (c *cache[T]) own() {
	if c.lent {
		c.byName, c.lent = slices.Clone(c.byName), false
	}
}

func (c *cache[T]) get(name string) (object T, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.search(name)
	if ok {
		object = c.byName[i]
	}
	return object, ok
}

func (c *cache[T]) search(name string) (int, bool) {
	return slices.BinarySearchFunc(c.byName, name, func(o T, n string) int { return cmp.Compare(o.GetName(), n) })
}

// Add, Update, Delete, Replace and Resync are called by client-go's reflector.
func (c *cache[T]) Add(o any) error { return c.Update(o) }

// Update keeps a new or changed object.
func (c *cache[T]) Update(o any) error {
	object, ok := o.(T)
	if !ok {
		return fmt.Errorf("%s: a %T does not belong here", c.kind, o)
	}
	if c.Put(c.trim(object)) {
		c.changed()
	}
	return nil
}

// Put keeps a new or changed object, which is trimmed already.
func (c *cache[T]) Put(object T) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, found := c.search(object.GetName())
	switch {
	case !found:
		c.own()
		c.byName = slices.Insert(c.byName, i, object)
	case equality.Semantic.DeepEqual(c.byName[i], object):
		return false
	default:
		c.own()
		c.byName[i] = object
	}
	return true
}

// Delete forgets an object.
func (c *cache[T]) Delete(o any) error {
	object, ok := o.(metav1.Object)
	if !ok {
		return fmt.Errorf("%s: a %T does not belong here", c.kind, o)
	}
	if c.Remove(object.GetName()) {
		c.changed()
	}
	return nil
}

// Remove forgets the object of a name.
func (c *cache[T]) Remove(name string) (found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, found := c.search(name)
	if found {
		c.own()
		c.byName = slices.Delete(c.byName, i, i+1)
	}
	return found
}

// Replace keeps exactly these objects: all that there are.
func (c *cache[T]) Replace(objects []any, _ string) error {
	all := make([]T, 0, len(objects))
	for _, o := range objects {
		object, ok := o.(T)
		if !ok {
			return fmt.Errorf("%s: a %T does not belong here", c.kind, o)
		}
		all = append(all, c.trim(object))
	}
	if c.PutAll(all) {
		c.changed()
	}
	return nil
}

// PutAll keeps exactly these objects, which are trimmed already. Those that are as they were stay the very same, and
// are put into the list.
func (c *cache[T]) PutAll(all []T) (news bool) {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(a.GetName(), b.GetName()) })
	c.mu.Lock()
	c.keepVersions(all)
	if news = !slices.EqualFunc(c.byName, all, func(a, b T) bool { return any(a) == any(b) }); news {
		c.byName, c.lent = all, false
	}
	c.mu.Unlock()
	return c.read() || news
}

// keepVersions has objects that are as they were stay the very same: whoever looks again need not look into them. The
// lock is held.
func (c *cache[T]) keepVersions(all []T) {
	for k, object := range all {
		if i, had := c.search(object.GetName()); had && equality.Semantic.DeepEqual(c.byName[i], object) {
			all[k] = c.byName[i]
		}
	}
}

// Resync does nothing: what is held is never acted on a second time.
func (c *cache[T]) Resync() error { return nil }

// Transformer has the reflector trim what it collects before it calls Replace, so that the untrimmed objects of a
// large cluster are never held at once.
func (c *cache[T]) Transformer() toolscache.TransformFunc {
	return func(o any) (any, error) {
		if object, ok := o.(T); ok {
			return c.trim(object), nil
		}
		return o, nil
	}
}
