package manifests

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
)

// refreshEvery bounds how often unknown kinds make the mapper read the discovery documents again.
const refreshEvery = 3 * time.Second

// mapper finds the resource of a kind. client-go's deferred mapper never sees a kind that was added after its first
// look, so an unknown kind makes this one look again.
type mapper struct {
	discovery discovery.DiscoveryInterfaceWithContext
	deferred  *restmapper.DeferredDiscoveryRESTMapper

	mu        sync.Mutex
	looks     int // how often the documents were dropped
	refreshed time.Time
}

func newMapper(d *discovery.DiscoveryClient) *mapper {
	return &mapper{
		discovery: d,
		deferred:  restmapper.NewDeferredDiscoveryRESTMapperWithContext(memory.NewMemCacheClientWithContext(d)),
	}
}

// find maps a kind in a version, or in the version that the server prefers if it is empty. A kind that does not exist is
// an error of meta.IsNoMatchError; a kind that could not be looked up is the trouble that prevented it.
func (m *mapper) find(ctx context.Context, gk schema.GroupKind, version string) (*meta.RESTMapping, error) {
	var versions []string
	if version != "" {
		versions = []string{version}
	}
	looks := m.looked()
	mapping, err := m.deferred.RESTMappingWithContext(ctx, gk, versions...)
	if !meta.IsNoMatchError(err) {
		return mapping, err
	}
	if m.lookAgain(ctx, looks) {
		mapping, err = m.deferred.RESTMappingWithContext(ctx, gk, versions...)
	}
	if meta.IsNoMatchError(err) && version != "" {
		if trouble := m.unreadable(ctx, gk.WithVersion(version).GroupVersion()); trouble != nil {
			return nil, trouble
		}
	}
	return mapping, err
}

func (m *mapper) looked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looks
}

// lookAgain drops what is known if nobody has since the caller looked and the last time is long enough ago. It reports
// whether another look may find more.
func (m *mapper) lookAgain(ctx context.Context, looks int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.looks != looks {
		return true
	}
	if time.Since(m.refreshed) < refreshEvery {
		return false
	}
	m.drop(ctx)
	return true
}

// reset drops what is known because a definition was just written.
func (m *mapper) reset(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(ctx)
}

func (m *mapper) drop(ctx context.Context) {
	m.deferred.ResetWithContext(ctx)
	m.looks++
	m.refreshed = time.Now()
}

// unreadable tells a kind that does not exist from one whose aggregated API server does not answer: the discovery
// documents leave out both.
func (m *mapper) unreadable(ctx context.Context, gv schema.GroupVersion) error {
	_, err := m.discovery.ServerResourcesForGroupVersionWithContext(ctx, gv.String())
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
