package reflector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/caught"
)

// guarded is a store that client-go's reflector can write to. The first panic ends it: from then on it takes nothing,
// because it may lack the object at which it was.
type guarded struct {
	followed Followed
	end      func()
	over     atomic.Bool
}

var errOver = errors.New("it has ended")

// do does something with an object, or with a list of them.
func (g *guarded) do(o any, do func() error) (err error) {
	if g.over.Load() {
		return errOver
	}
	p := caught.Catch("taking in what is watched", func() { err = do() })
	if p == nil {
		return err
	}
	g.over.Store(true)
	if name := g.culprit(o); name != "" {
		p.Doing = "taking in " + name
	}
	if more := caught.Catch(p.Doing, func() { g.followed.Failed(p) }); more != nil {
		p = more
	}
	g.end()
	return p
}

// culprit is the object at which the store panicked, as people name it: of a list the first that it panics at by
// itself. It is empty if that cannot be told.
func (g *guarded) culprit(o any) (name string) {
	all, is := o.([]any)
	if !is {
		return nameOf(o)
	}
	trim := g.transform()
	for _, one := range all {
		if trim != nil && caught.Catch("trimming", func() { _, _ = trim(one) }) != nil {
			return nameOf(one)
		}
	}
	return ""
}

func nameOf(o any) (name string) {
	_ = caught.Catch("naming", func() {
		if object, is := o.(metav1.Object); is {
			kind := fmt.Sprintf("%T", o)
			name = kind[strings.LastIndex(kind, ".")+1:] + " " +
				strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/")
		}
	})
	return name
}

// Add, Update, Delete, Replace, Resync and Transformer are called by client-go's reflector.
func (g *guarded) Add(o any) error {
	return g.do(o, func() error { return g.followed.Store.Add(o) })
}

// Update takes in a changed object.
func (g *guarded) Update(o any) error {
	return g.do(o, func() error { return g.followed.Store.Update(o) })
}

// Delete takes in that an object is gone.
func (g *guarded) Delete(o any) error {
	return g.do(o, func() error { return g.followed.Store.Delete(o) })
}

// Replace takes in all the objects that there are.
func (g *guarded) Replace(all []any, version string) error {
	return g.do(all, func() error { return g.followed.Store.Replace(all, version) })
}

// Resync takes in nothing.
func (g *guarded) Resync() error { return g.do(nil, g.followed.Store.Resync) }

// UpdateResourceVersion takes in how far the watch has come.
func (g *guarded) UpdateResourceVersion(version string) {
	if s, is := g.followed.Store.(toolscache.ResourceVersionUpdater); is {
		_ = g.do(nil, func() error { s.UpdateResourceVersion(version); return nil }) // a panic was told
	}
}

// transform is how the store trims a single object, nil if it does not.
func (g *guarded) transform() toolscache.TransformFunc {
	if s, is := g.followed.Store.(toolscache.TransformingStore); is {
		return s.Transformer()
	}
	return nil
}

// Transformer trims what the reflector collects.
func (g *guarded) Transformer() toolscache.TransformFunc {
	trim := g.transform()
	if trim == nil {
		return nil
	}
	return func(o any) (trimmed any, err error) {
		err = g.do(o, func() error {
			trimmed, err = trim(o)
			return err
		})
		return trimmed, err
	}
}

// source is what is asked for the objects. What hears of its answers may panic, too.
func (g *guarded) source() *toolscache.ListWatch {
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (list runtime.Object, err error) {
			err = g.do(nil, func() error {
				list, err = g.followed.Source.ListWithContext(ctx, o)
				return err
			})
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (w watch.Interface, err error) {
			err = g.do(nil, func() error {
				w, err = g.followed.Source.WatchWithContext(ctx, o)
				return err
			})
			return w, err
		},
	}
}
