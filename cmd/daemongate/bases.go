package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Base opens the mirror of a remote base. The Sync's credentials are for its own host alone.
func (k *connections) Base(_ context.Context, s *api.Sync, address string) (sync.Repository, error) {
	if !sameHost(address, s.Spec.Source.URL) {
		return k.mirrors.Repository(address, gitsource.Auth{})
	}
	identity, source := k.credentialsOf(s)
	return k.mirrors.Lend(address, identity, source)
}

// sameHost reports whether two addresses are of one server, reached in the same way.
func sameHost(a, b string) bool {
	first, err := url.Parse(a)
	if err != nil {
		return false
	}
	second, err := url.Parse(b)
	return err == nil && first.Host != "" && first.Scheme == second.Scheme && strings.EqualFold(first.Host, second.Host)
}
