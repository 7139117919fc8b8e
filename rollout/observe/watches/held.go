package watches

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

// held are the objects that a watch has seen, by name. They are indexed by the labels that members are found by, so
// that one who joins need not be compared with all.
type held[T metav1.Object] struct{ store toolscache.ThreadSafeStore }

func newHeld[T metav1.Object]() held[T] {
	return held[T]{toolscache.NewThreadSafeStore(toolscache.Indexers{}, toolscache.Indices{})}
}

func (h held[T]) get(name string) (object T, had bool) {
	if o, is := h.store.Get(name); is {
		object, had = o.(T)
	}
	return object, had
}

func (h held[T]) put(object T)       { h.store.Update(object.GetName(), object) }
func (h held[T]) remove(name string) { h.store.Delete(name) }

func (h held[T]) replace(all map[string]any) { h.store.Replace(all, "") }

func (h held[T]) all() []T { return typed[T](h.store.List()) }

// typed are the objects of a store to which nothing else is put.
func typed[T any](list []any) []T {
	all := make([]T, 0, len(list))
	for _, o := range list {
		if object, is := o.(T); is {
			all = append(all, object)
		}
	}
	return all
}

// selected are the objects that a selector matches. All of them have a label, if it is not empty.
func (h held[T]) selected(s selector, by label) []T {
	var all []T
	switch {
	case s.labels == nil:
		if object, had := h.get(s.name); had {
			return []T{object}
		}
		return nil
	case by == label{}:
		all = h.all()
	default:
		all = h.with(by)
	}
	return slices.DeleteFunc(all, func(object T) bool { return !s.matches(object) })
}

// with are the objects that have a label.
func (h held[T]) with(l label) []T {
	if h.store.GetIndexers()[l.key] == nil {
		// the only error is that there is one of that name
		_ = h.store.AddIndexers(toolscache.Indexers{l.key: func(o any) ([]string, error) {
			if object, is := o.(T); is {
				if value, has := object.GetLabels()[l.key]; has {
					return []string{value}, nil
				}
			}
			return nil, nil
		}})
	}
	all, _ := h.store.ByIndex(l.key, l.value) // the index was made
	return typed[T](all)
}
