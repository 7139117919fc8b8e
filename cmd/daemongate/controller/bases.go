package controller

import (
	"context"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// Base opens the mirror of a remote base, or of a submodule. The Sync's credentials are for its own server alone.
func (k *connections) Base(_ context.Context, s *api.Sync, address string) (source.Repository, error) {
	if !remote.SameServer(address, s.Spec.Source.URL) {
		return k.mirrors.Repository(address, gitsource.Auth{})
	}
	identity, source := k.credentialsOf(s)
	return k.mirrors.Lend(address, identity, source)
}
