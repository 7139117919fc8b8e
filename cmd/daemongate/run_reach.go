package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
)

// localOptions let a controller that looks after others' Syncs reach what is its own.
type localOptions struct{ networks, repositories bool }

// addReachTo adds the flags that say whom the controller calls, and with what.
func (o *runOptions) addReachTo(flags *pflag.FlagSet) {
	const installed = "; refused otherwise with --all-namespaces, and with a pod's own account"
	flags.BoolVar(&o.local.networks, "allow-local-networks", false,
		"let Syncs name servers at loopback and link-local addresses"+installed)
	flags.BoolVar(&o.local.repositories, "allow-local-repositories", false,
		"let Syncs name repositories of this machine, by paths and file URLs"+installed)
	flags.IPNetSliceVar(&o.Mirrors.Reach.Deny, "deny-cidr", nil,
		"networks that no server of a Sync may be in, such as 169.254.0.0/16")
	flags.BoolVar(&o.Mirrors.Reach.Redirects, "follow-redirects", false,
		"follow redirects of Git servers to other servers, where nothing secret is sent")
	flags.BoolVar(&o.RequireHosts, "require-credential-hosts", false,
		"refuse credentials whose Secret does not name the hosts that they are for, in its key hosts")
}

// keepOut keeps Syncs from what is this machine's own, where people other than the one who has started the controller
// write them.
func (o *runOptions) keepOut(config *rest.Config) {
	const podsOwn = "/var/run/secrets/kubernetes.io/serviceaccount/"
	if o.allNamespaces || strings.HasPrefix(config.BearerTokenFile, podsOwn) {
		o.Mirrors.Reach.NoLocal, o.Mirrors.Reach.NoFiles = !o.local.networks, !o.local.repositories
	}
}

// checkAdvertised takes over where controllers that wait for this one's Lease reach its webhooks, if they may know it.
func (o *runOptions) checkAdvertised() error {
	if o.advertise == nil {
		return nil
	}
	ip, _ := netip.AddrFromSlice(o.advertise)
	_, port, _ := net.SplitHostPort(o.Webhooks)
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("--advertise-address %s: --webhook-address %q names no port that others could reach: give "+
			"one, such as :9292", o.advertise, o.Webhooks)
	}
	o.Lease.Address = netip.AddrPortFrom(ip.Unmap(), uint16(n))
	return nil
}
