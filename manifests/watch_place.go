package manifests

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/reflector"
)

// placeWatch holds the states of the objects of one kind in one namespace. It is what client-go's reflector writes to.
type placeWatch struct {
	changed func()
	cancel  context.CancelFunc

	mu         sync.Mutex
	seen       map[string]Version // by name, also of those that are gone
	listed     uint64             // the resourceVersion of the last list: what it lacked did not exist then
	read       bool
	withStatus map[string]bool // by name: those whose status is news
	err        error           // why nothing is known of it: it may not be watched, or what is seen cannot be taken in
}

// start watches a place until it is cancelled, or not allowed to.
func (w *Watch) start(at place, resource schema.GroupVersionResource) *placeWatch {
	p := &placeWatch{changed: w.wake, seen: map[string]Version{}, withStatus: w.withStatus[at]}
	ctx, cancel := context.WithCancel(w.ctx)
	p.cancel = cancel
	objects := w.client.metadata.Resource(resource).Namespace(at.namespace)
	selector := ownedBy(w.owner).LabelSelector
	lw := &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			list, err := objects.List(ctx, o)
			p.refused(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			events, err := objects.Watch(ctx, o)
			p.refused(err)
			return events, err
		},
	}
	w.active.Go(func() {
		reflector.Run(ctx, reflector.Followed{Name: "manifests", Source: lw, Example: &metav1.PartialObjectMetadata{},
			Store: p, Failed: p.failed})
	})
	return p
}

// refused ends the watch if the API server will not have it: asking again and again is no steady state.
func (p *placeWatch) refused(err error) {
	if err == nil || !(apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsNotFound(err)) {
		return
	}
	p.cancel()
	p.failed(err)
}

// failed notes why nothing is known of the place, until everything has been read again.
func (p *placeWatch) failed(err error) {
	p.mu.Lock()
	p.err, p.read = err, false
	p.mu.Unlock()
	p.changed()
}

func (p *placeWatch) watchStatus(names map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.withStatus = names
}

func (p *placeWatch) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// version is the state in which an object is seen, once everything has been read.
func (p *placeWatch) version(name string) (Version, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.seen[name]
	if !ok {
		v = Version{gone: true}
	}
	if v.gone {
		v.number = max(v.number, p.listed)
	}
	return v, p.read
}

// Add, Update, Delete, Replace and Resync are called by client-go's reflector.
func (p *placeWatch) Add(o any) error { return p.Update(o) }

// Update notes a new or changed object.
func (p *placeWatch) Update(o any) error { return p.note(o, false) }

// Delete notes that an object is gone, or has lost the Sync's label.
func (p *placeWatch) Delete(o any) error { return p.note(o, true) }

func (p *placeWatch) note(o any, gone bool) error {
	object, ok := o.(metav1.Object)
	if !ok {
		return fmt.Errorf("watch: a %T has no metadata", o)
	}
	v, name := VersionOf(object), object.GetName()
	v.gone = gone
	p.mu.Lock()
	before, known := p.seen[name]
	p.seen[name] = v
	withStatus := p.withStatus[name]
	p.mu.Unlock()
	if !known || withStatus || before.touchedBy(v) { // of others a status is no news
		p.changed()
	}
	return nil
}

// Replace notes all the objects that there are.
func (p *placeWatch) Replace(objects []any, resourceVersion string) error {
	seen := make(map[string]Version, len(objects))
	for _, o := range objects {
		object, ok := o.(metav1.Object)
		if !ok {
			return fmt.Errorf("watch: a %T has no metadata", o)
		}
		seen[object.GetName()] = VersionOf(object)
	}
	p.mu.Lock()
	p.seen, p.listed, p.read, p.err = seen, numberOf(resourceVersion), true, nil
	p.mu.Unlock()
	p.changed()
	return nil
}

// Resync does nothing: what is held is never acted on a second time.
func (p *placeWatch) Resync() error { return nil }
