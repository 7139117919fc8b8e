package manifests

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Watch sees what becomes of a Sync's objects, without reading them: by watches of metadata, which it shares with all
// that watch with the same rights. It writes nothing and never polls. It is safe for concurrent use.
type Watch struct {
	client *Client
	owner  Owner
	wake   func()

	mu         sync.Mutex
	stopped    bool
	places     map[place]*placeWatch
	withStatus map[place]map[string]bool // by name
}

// place is where objects of one kind live.
type place struct {
	kind      schema.GroupKind
	namespace string // empty for kinds without namespaces
}

func (p place) String() string {
	if p.namespace == "" {
		return p.kind.String()
	}
	return p.kind.String() + " in namespace " + p.namespace
}

// Watch makes a Watch that sees nothing yet. wake is called after every change and must not block.
func (c *Client) Watch(owner Owner, wake func()) *Watch {
	return &Watch{client: c, owner: owner, wake: wake, places: map[place]*placeWatch{}}
}

// Follow watches where the objects of an inventory live, and nowhere else. What could not be watched is tried again.
// The error says what cannot be looked up; the rest is watched all the same.
func (w *Watch) Follow(ctx context.Context, inv Inventory) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil
	}
	var problems []error
	wanted := map[place]bool{}
	for _, e := range inv {
		at := place{e.groupKind(), e.Namespace}
		if wanted[at] {
			continue
		}
		wanted[at] = true
		if old := w.places[at]; old != nil && old.trouble() == nil {
			continue
		} else if old != nil {
			old.cancel()
		}
		mapping, err := w.client.mapper.find(ctx, at.kind, e.Version)
		if err != nil {
			delete(w.places, at)
			problems = append(problems, fmt.Errorf("watch %s: %w", at, err))
			continue
		}
		w.places[at] = w.start(at, mapping.Resource)
	}
	for at, p := range w.places {
		if !wanted[at] {
			p.cancel()
			delete(w.places, at)
		}
	}
	return errors.Join(problems...)
}

// Mind has every change of these objects wake, a status too, and of no others.
func (w *Watch) Mind(ids []ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.withStatus = map[place]map[string]bool{}
	for _, id := range ids {
		at := place{id.groupKind(), id.Namespace}
		if w.withStatus[at] == nil {
			w.withStatus[at] = map[string]bool{}
		}
		w.withStatus[at][id.Name] = true
	}
	for at, p := range w.places {
		p.watchStatus(w.withStatus[at])
	}
}

// Seen is the state in which an object is seen; false if it is not watched, or nothing has been read yet.
func (w *Watch) Seen(id ID) (Version, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.places[place{id.groupKind(), id.Namespace}]
	if p == nil {
		return Version{}, false
	}
	return p.version(id.Name)
}

// States are those in which the objects of an inventory are seen; false until all of them can be.
func (w *Watch) States(inv Inventory) (Known, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	states := Known{}
	for _, e := range inv {
		p := w.places[place{e.groupKind(), e.Namespace}]
		if p == nil {
			return nil, false
		}
		seen, read := p.version(e.Name)
		if !read {
			return nil, false
		}
		states[e.ID] = seen
	}
	return states, true
}

// Touched are the objects of an inventory that may no longer be as known, with the state that they are seen in. Of an
// object of which nothing is known that is so, and of one that cannot be watched never.
func (w *Watch) Touched(inv Inventory, known Known) Known {
	w.mu.Lock()
	defer w.mu.Unlock()
	touched := Known{}
	for _, e := range inv {
		p := w.places[place{e.groupKind(), e.Namespace}]
		if p == nil {
			continue
		}
		seen, read := p.version(e.Name)
		if !read {
			continue
		}
		if before, ok := known[e.ID]; !ok || before.touchedBy(seen) {
			touched[e.ID] = seen
		}
	}
	return touched
}

// Trouble says what cannot be watched and why; nil if all is well.
func (w *Watch) Trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var problems []error
	for at, p := range w.places {
		if err := p.trouble(); err != nil {
			problems = append(problems, fmt.Errorf("watch %s: %w", at, err))
		}
	}
	return errors.Join(problems...)
}

// Stop ends it, and returns when nothing of it runs any more.
func (w *Watch) Stop() {
	w.mu.Lock()
	w.stopped = true
	waits := make([]func(), 0, len(w.places))
	for _, p := range w.places {
		waits = append(waits, p.cancel())
	}
	w.mu.Unlock()
	for _, wait := range waits {
		wait()
	}
}
