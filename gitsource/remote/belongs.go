package remote

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// belongs says why credentials are not for an address, if so. Who has none may go anywhere.
func (a Auth) belongs(to Address) error {
	if a.Empty() || to.Scheme == "file" {
		return nil
	}
	server := serverOf(to).Host
	switch {
	case a.NoPlain && to.Scheme == "http":
		return errors.New("the credentials are not sent over http, which everybody on the way can read: use https, " +
			"or set the key allowHTTP to \"true\" beside them")
	case a.Hosts != nil && !slices.ContainsFunc(a.Hosts, func(h string) bool { return usual(to.Scheme, h) == server }):
		return fmt.Errorf("the credentials are for %s, and not for %s: name it in the key hosts beside them, if it is "+
			"meant", strings.Join(a.Hosts, ", "), shown(server, to.Scheme))
	case a.App != nil && !a.ofApp(to):
		return fmt.Errorf("the tokens of a GitHub App are for its own server %s, and not for %s: see the key "+
			"githubAppBaseURL", a.App.Server(), shown(server, to.Scheme))
	}
	return nil
}

// ofApp reports whether an address is at the server of the App, or at that of its API.
func (a Auth) ofApp(to Address) bool {
	for _, own := range []string{a.App.Server(), a.App.API()} {
		u, err := url.Parse(own)
		if err == nil && u.Scheme == to.Scheme && usual(u.Scheme, u.Host) == serverOf(to).Host {
			return true
		}
	}
	return false
}

// BelongTo says why credentials are not for the server of an http or https URL, such as that of an API.
func (a Auth) BelongTo(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the URL cannot be read") // and is not repeated: it may hold anything
	}
	return a.belongs(Address{Scheme: strings.ToLower(u.Scheme), Host: u.Host, Path: u.Path})
}

// usual is a host with the port that its scheme has if none is given.
func usual(scheme, host string) string { return serverOf(Address{Scheme: scheme, Host: host}).Host }

// shown is a host without the port that need not be said.
func shown(server, scheme string) string {
	if host, _, err := net.SplitHostPort(server); err == nil && usual(scheme, host) == server {
		return host
	}
	return server
}
