package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/cmd/daemongate/fleet/kept"
	pages "github.com/daemongate/daemongate/cmd/daemongate/page"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
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

// pageOptions are where the page is served, and whether it does anything.
type pageOptions struct {
	address string
	actions bool
}

func (o *pageOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.address, "http", "", "address to serve the page at, such as :8080, to those whom the API "+
		"server lets get Syncs, by a bearer token (default: nowhere)")
	flags.BoolVar(&o.actions, "http-actions", false, "have the page also do what people ask for, with their own "+
		"tokens: to those who have the verbs sync, suspend and release on the Sync")
}

func (o *pageOptions) check() error {
	if o.actions && o.address == "" {
		return errors.New("--http-actions: the page is served nowhere, give --http too")
	}
	return nil
}

// addProfiles adds the flag of where profiles are served.
func (o *runOptions) addProfiles(flags *pflag.FlagSet) {
	flags.StringVar(&o.profiles, "pprof-bind-address", "", "address to serve profiles at, below /debug/pprof/, "+
		"such as :6060, which is this machine alone; others reach them where an IP address says so (default: nowhere)")
}

// checkProfiles refuses an address that is none, or that others reach for something else. Without a host it becomes
// this machine's own.
func (o *runOptions) checkProfiles() error {
	if o.profiles == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(o.profiles)
	if err != nil {
		return fmt.Errorf("--pprof-bind-address %s: want an address and a port, such as 127.0.0.1:6060", o.profiles)
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return fmt.Errorf("--pprof-bind-address %s: want an IP address, or none for this machine alone", o.profiles)
	}
	for flag, other := range map[string]string{"--metrics-address": o.Metrics, "--webhook-address": o.Webhooks,
		"--http": o.page.address} {
		if _, taken, err := net.SplitHostPort(other); err == nil && taken == port && port != "0" {
			return fmt.Errorf("--pprof-bind-address %s: %s has the same port: profiles are for other eyes", o.profiles,
				flag)
		}
	}
	o.profiles = net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port)
	return nil
}

// serveProfiles has the controller serve profiles, if it is to.
func (o *runOptions) serveProfiles() {
	if o.profiles == "" {
		return
	}
	if o.Pages == nil {
		o.Pages = map[string]http.Handler{}
	}
	o.Pages[o.profiles] = controller.Profiles()
}

// servePage has the controller serve the page, if it is to. closePage ends what it reads.
func (o *runOptions) servePage(config *rest.Config, of *pageReads) (closePage func(), err error) {
	if o.page.address == "" {
		return func() {}, nil
	}
	p, err := pages.InCluster(pages.Reach{Config: config, Namespaces: o.Namespaces, Cluster: o.ClusterName,
		Sight: shareSightOfController, Released: released, Changes: of.of, Fleets: of}, o.page.actions)
	if err != nil {
		return nil, err
	}
	o.Pages = map[string]http.Handler{o.page.address: p.Handler()}
	return p.Close, nil
}

// pageReads is what the page of a controller reads of repositories. The controller is made after it.
type pageReads struct {
	changes *changes.Kept
	fleets  *kept.Kept
}

func (p *pageReads) readBy(c *controller.Controller) error {
	from, err := c.Changes()
	if err != nil {
		return err
	}
	fleets, err := c.Fleets()
	if err != nil {
		return err
	}
	p.changes, p.fleets = changes.Keep(from.Read), kept.Keep(fleets)
	p.changes.Panicked, p.fleets.Panicked = c.Panicked, c.Panicked
	return nil
}

func (p *pageReads) close() {
	p.changes.Close()
	p.fleets.Close()
}

// of is asked when the page is served, which is after that, and so are the others.
func (p *pageReads) of(ctx context.Context, s *api.Sync, before, commit string) changes.Of {
	return p.changes.Of(ctx, s, before, commit)
}

// Of is the fleet that follows a Sync's repository.
func (p *pageReads) Of(ctx context.Context, s *api.Sync, most int) kept.Fleet {
	return p.fleets.Of(ctx, s, most)
}

// Changed is closed when there may be something new of a fleet.
func (p *pageReads) Changed() <-chan struct{} { return p.fleets.Changed() }
