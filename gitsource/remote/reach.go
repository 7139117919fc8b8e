package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Reach says where connections may lead. The zero value lets them lead to every address and every path, and follows no
// redirect to another server.
type Reach struct {
	// NoLocal refuses addresses of this machine and of its link: loopback, link-local, unspecified and multicast ones.
	NoLocal bool
	// Deny are networks that are refused besides.
	Deny []net.IPNet
	// NoFiles refuses repositories of this machine: paths and file URLs.
	NoFiles bool
	// Redirects lets a server lead those who show it no credentials to another server, but never from https to http.
	Redirects bool
}

// ErrLocal is the error of a repository of this machine where none is read.
var ErrLocal = errors.New("paths and file URLs are refused here: use an https or ssh URL, or have the controller's " +
	"administrator set --allow-local-repositories")

// Permits says why a repository may not be read, before anything of it is looked at.
func (r Reach) Permits(a Address) error {
	if r.NoFiles && a.Scheme == "file" {
		return ErrLocal
	}
	return nil
}

// Control is that of a net.Dialer: it refuses an address after its name was resolved, whoever asks for it.
func (r Reach) Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	ip := meant(at.Addr())
	if r.NoLocal && local4or6(ip) {
		return fmt.Errorf("%s is an address of this machine or of its link, which is refused here unless the "+
			"controller's administrator sets --allow-local-networks", ip)
	}
	for _, denied := range r.Deny {
		if denied.Contains(ip.AsSlice()) {
			return fmt.Errorf("%s is in %s, which the controller's administrator has denied", ip, denied.String())
		}
	}
	return nil
}

// translated is the prefix of IPv6 addresses by which a gateway leads to the IPv4 address in their last four bytes.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// meant is the address that is reached by another way to write it.
func meant(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if translated.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return ip
}

// thisNetwork are addresses that mean this host, on most systems the loopback one.
var thisNetwork = netip.MustParsePrefix("0.0.0.0/8")

func local4or6(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() ||
		thisNetwork.Contains(ip)
}
