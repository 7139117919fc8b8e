package main

import (
	"cmp"
	"context"
	"net"
	"strings"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Base opens the mirror of a remote base, or of a submodule. The Sync's credentials are for its own server alone.
func (k *connections) Base(_ context.Context, s *api.Sync, address string) (sync.Repository, error) {
	if !sameServer(address, s.Spec.Source.URL) {
		return k.mirrors.Repository(address, gitsource.Auth{})
	}
	identity, source := k.credentialsOf(s)
	return k.mirrors.Lend(address, identity, source)
}

// sameServer reports whether two repositories are reached in the same way at the same server, as the same user. It reads
// addresses as they are read when they are connected to: what another parser makes of them may be another host.
func sameServer(a, b string) bool {
	first, _, err := remote.ParseAddress(a, gitsource.Auth{})
	if err != nil {
		return false
	}
	second, _, err := remote.ParseAddress(b, gitsource.Auth{})
	return err == nil && first.Host != "" && serverOf(first) == serverOf(second)
}

// serverOf is the address of a repository's server, with what is understood if it is left out.
func serverOf(a remote.Address) remote.Address {
	host, port, err := net.SplitHostPort(a.Host)
	if err != nil {
		host = strings.Trim(a.Host, "[]")
	}
	server := remote.Address{Scheme: a.Scheme, Host: strings.ToLower(host)}
	usual := map[string]string{"http": "80", "https": "443", "ssh": "22"}[a.Scheme]
	server.Host = net.JoinHostPort(server.Host, cmp.Or(port, usual))
	if a.Scheme == "ssh" {
		server.User = cmp.Or(a.User, "git")
	}
	return server
}
