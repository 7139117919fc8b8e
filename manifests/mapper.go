package manifests

import (
	"context"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
)

// refreshEvery bounds how often kinds of which nothing is known make the mapper read all discovery documents again.
const refreshEvery = 10 * time.Second

// mapper finds the resource of a kind. client-go's deferred mapper never sees a kind that was added after its first
// look, so an unknown kind makes this one look again.
type mapper struct {
	discovery discovery.DiscoveryInterfaceWithContext
	deferred  *restmapper.DeferredDiscoveryRESTMapper

	mu        sync.Mutex
	looks     int // how often the documents were dropped
	refreshed time.Time
	found     map[versionedKind]*meta.RESTMapping // in the documents that were not dropped yet
}

// versionedKind is a kind in a version, or in the version that the server prefers if it is empty.
type versionedKind struct {
	schema.GroupKind
	version string
}

func newMapper(d *discovery.DiscoveryClient) *mapper {
	return &mapper{
		discovery: d,
		deferred:  restmapper.NewDeferredDiscoveryRESTMapperWithContext(memory.NewMemCacheClientWithContext(d)),
	}
}

// find maps a kind in a version, or in the version that the server prefers if it is empty. A kind that does not exist
// is an error of meta.IsNoMatchError; a kind that could not be looked up is the trouble that prevented it.
// What was found is kept, and shared by all who ask: each request needs it, and client-go's mapper asks all groups and
// versions for it each time.
func (m *mapper) find(ctx context.Context, gk schema.GroupKind, version string) (*meta.RESTMapping, error) {
	var versions []string
	if version != "" {
		versions = []string{version}
	}
	kind := versionedKind{gk, version}
	known, looks := m.known(kind)
	if known != nil {
		return known, nil
	}
	mapping, err := m.deferred.RESTMappingWithContext(ctx, gk, versions...)
	if err == nil {
		m.keep(kind, mapping, looks)
	}
	if !meta.IsNoMatchError(err) {
		return mapping, err
	}
	if served, trouble := m.served(ctx, gk.WithVersion(version)); served != nil || trouble != nil {
		m.lookAgain(ctx, looks, true)
		return served, trouble
	}
	if !m.lookAgain(ctx, looks, false) {
		return nil, err
	}
	return m.deferred.RESTMappingWithContext(ctx, gk, versions...)
}

// known is what was found of a kind, nil if nothing was, and how often the documents have been dropped.
func (m *mapper) known(kind versionedKind) (*meta.RESTMapping, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.found[kind], m.looks
}

// keep keeps what was found of a kind in documents that had been dropped so often when it was looked for.
func (m *mapper) keep(kind versionedKind, mapping *meta.RESTMapping, looks int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.looks != looks {
		return
	}
	if m.found == nil {
		m.found = map[versionedKind]*meta.RESTMapping{}
	}
	m.found[kind] = mapping
}

// lookAgain drops what is known, unless somebody has since the caller looked. Where it is not certain that there is
// more to see it does so only every so often. It reports whether another look may find more.
func (m *mapper) lookAgain(ctx context.Context, looks int, certain bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.looks != looks {
		return true
	}
	if !certain && time.Since(m.refreshed) < refreshEvery {
		return false
	}
	m.drop(ctx)
	return true
}

// outdated reports whether a kind is served no more where it was found, because others have changed its definition:
// then what is known is dropped. It is asked when the API server has said that it serves nothing there. An aggregated
// one may say so too of an object that is not there.
func (m *mapper) outdated(ctx context.Context, found *meta.RESTMapping) (bool, error) {
	gvk := found.GroupVersionKind
	now, err := m.served(ctx, gvk)
	if err != nil || now != nil && now.Resource == found.Resource && now.Scope.Name() == found.Scope.Name() {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, version := range []string{gvk.Version, ""} {
		if m.found[versionedKind{gvk.GroupKind(), version}] == found { // else it has been dropped since
			m.drop(ctx)
		}
	}
	return true, nil
}

// reset drops what is known because a definition was just written.
func (m *mapper) reset(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(ctx)
}

func (m *mapper) drop(ctx context.Context) {
	m.deferred.ResetWithContext(ctx)
	m.found = nil
	m.looks++
	m.refreshed = time.Now()
}

// served asks the API server itself about a kind in a version: one small document, nil if it does not serve it. It
// tells a kind that does not exist from one whose aggregated API server does not answer; the list of all kinds lacks
// both.
func (m *mapper) served(ctx context.Context, gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	if gvk.Version == "" {
		return nil, nil
	}
	list, err := m.discovery.ServerResourcesForGroupVersionWithContext(ctx, gvk.GroupVersion().String())
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, r := range list.APIResources {
		if r.Kind != gvk.Kind || strings.Contains(r.Name, "/") { // a subresource
			continue
		}
		return &meta.RESTMapping{Resource: gvk.GroupVersion().WithResource(r.Name), GroupVersionKind: gvk,
			Scope: scopeOf(r.Namespaced)}, nil
	}
	return nil, nil
}

func scopeOf(namespaced bool) meta.RESTScope {
	if namespaced {
		return meta.RESTScopeNamespace
	}
	return meta.RESTScopeRoot
}
