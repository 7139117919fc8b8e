package manifests

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/manifests/watches"
)

// placeWatch holds the states of the objects of one kind in one namespace. It is told of them by a watch that those
// share who watch with the same rights.
type placeWatch struct {
	changed func()
	cancel  func() (wait func())

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
	wanted := watches.Wanted{Resource: resource, Namespace: at.namespace, Value: w.owner.Label()}
	p.cancel = w.client.watches.Join(wanted, p)
	return p
}

// Failed notes why nothing is known of the place, until everything has been read again.
func (p *placeWatch) Failed(err error) {
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

// See notes a new or changed object, or that one is gone or has lost the Sync's label.
func (p *placeWatch) See(name string, v Version, gone bool) {
	v.gone = gone
	p.mu.Lock()
	before, known := p.seen[name]
	p.seen[name] = v
	withStatus := p.withStatus[name]
	p.mu.Unlock()
	if !known || withStatus || before.touchedBy(v) { // of others a status is no news
		p.changed()
	}
}

// Read notes all the objects that there are.
func (p *placeWatch) Read(all map[string]Version, resourceVersion string) {
	p.mu.Lock()
	p.seen, p.listed, p.read, p.err = all, numberOf(resourceVersion), true, nil
	p.mu.Unlock()
	p.changed()
}
