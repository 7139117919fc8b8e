package remote

import (
	"cmp"
	"net"
	"strings"
)

// SameServer reports whether two repositories are reached in the same way at the same server, as the same user. It
// reads addresses as they are read when they are connected to: what another parser makes of them may be another host.
func SameServer(a, b string) bool {
	first, _, err := ParseAddress(a, Auth{})
	if err != nil {
		return false
	}
	second, _, err := ParseAddress(b, Auth{})
	return err == nil && first.Host != "" && serverOf(first) == serverOf(second)
}

// serverOf is the address of a repository's server, with what is understood if it is left out.
func serverOf(a Address) Address {
	host, port, err := net.SplitHostPort(a.Host)
	if err != nil {
		host = strings.Trim(a.Host, "[]")
	}
	server := Address{Scheme: a.Scheme, Host: strings.ToLower(host)}
	usual := map[string]string{"http": "80", "https": "443", "ssh": "22"}[a.Scheme]
	server.Host = net.JoinHostPort(server.Host, cmp.Or(port, usual))
	if a.Scheme == "ssh" {
		server.User = cmp.Or(a.User, "git")
	}
	return server
}
