// Package controller puts the parts of the controller together: its connections to the cluster and to Git hosts with
// their credentials, the Lease, webhooks, metrics, Events and the lines that a person follows.
package controller

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/daemongate/daemongate/cmd/daemongate/controller/clusters"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/lease"
	"github.com/daemongate/daemongate/sync/panics"
	"github.com/daemongate/daemongate/sync/stop"
)

// Options say what a controller looks after, and how.
type Options struct {
	Version     string   // of this program, for the first line
	Namespaces  []string // of the Syncs to look after; empty for all
	ClusterName string   // in what Git hosts are told; empty for one that is derived from the cluster
	NotesKeys   []string // files with the SSH keys of this cluster's notes, of which the first signs; none if unsigned
	DataDir     string   // folder for the mirrors of repositories, and for what must outlive the process
	Webhooks    string   // address to take webhooks at; empty for none
	Metrics     string   // address to serve metrics and probes at; empty for nowhere
	MetricsAuth bool     // show metrics only to those whom the API server lets get /metrics
	// Pages are what else is served, by address, also while another controller holds the Lease.
	Pages   map[string]http.Handler
	Workers int // how many Syncs have their turn at once
	// PrepareWorkers is how many commits are prepared at once, beside the turns; at most half of them
	// are of one namespace.
	PrepareWorkers int
	// RenderMemory is how many bytes of memory all renders at once may take together; 0 for child.DefaultTotal.
	RenderMemory int64
	Ceilings     sync.RenderCeilings
	Mirrors      gitsource.Options
	RequireHosts bool // in the Secrets with credentials
	Lease        lease.Options
	Accounts     Accounts
	Out          io.Writer // gets a line for every change of state
	Log          logrus.FieldLogger
	// First is done when the Lease is held, before the Syncs are read; nil for nothing. Its connection writes only
	// while the Lease is held.
	First func(context.Context, *rest.Config) error
}

// Controller is one that can run.
type Controller struct {
	o      Options
	config *rest.Config // which writes nothing without the Lease
	plain  *rest.Config // for what writes nothing
	core   corev1.CoreV1Interface
	held   *lease.Lease
	syncs  *sync.Controller
	opens  *connections
	// reviews are of those who ask for metrics.
	reviews kubernetes.Interface

	renders *child.Runner
}

// New puts a controller together. It asks nothing of the cluster yet.
func New(config *rest.Config, o Options) (*Controller, error) {
	if o.Webhooks != "" && o.Webhooks == o.Metrics {
		return nil, fmt.Errorf("--webhook-address and --metrics-address are both %s: give each its own, "+
			"since who sends webhooks need not see the metrics", o.Metrics)
	}
	for address := range o.Pages {
		if address == o.Webhooks || address == o.Metrics {
			return nil, fmt.Errorf("--http or --pprof-bind-address is %s, and so is --webhook-address or "+
				"--metrics-address: give each its own, since others are to reach it", address)
		}
	}
	if err := ownFolder(o.DataDir, os.Geteuid()); err != nil {
		return nil, err
	}
	if err := writable(o.DataDir); err != nil {
		return nil, err
	}
	if _, err := keyFiles(o.NotesKeys).read(); err != nil {
		return nil, err
	}
	if err := limitMemory(os.Getenv(MemoryLimit), cmp.Or(o.RenderMemory, child.DefaultTotal)); err != nil {
		return nil, err
	}
	held, err := lease.New(config, o.Lease)
	if err != nil {
		return nil, err
	}
	c := &Controller{o: o, config: held.Guard(config), plain: config, held: held, renders: child.New(o.RenderMemory)}
	// A review of a token writes nothing, so the door is also open while another controller holds the Lease.
	if c.reviews, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	if c.core, err = corev1.NewForConfig(c.config); err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	return c, c.wire()
}

// brakePatience is how long a brake waits for renders to end whose memory it needs to render its set again.
const brakePatience = 5 * time.Second

// wire makes what looks after the Syncs.
func (c *Controller) wire() error {
	clients, err := observe.NewClients(c.config)
	if err != nil {
		return err
	}
	heard := rest.CopyConfig(c.config)
	heard.Wrap(clients.Hears) // so the time is known when the Syncs are, before anything is judged by it
	client, err := dynamic.NewForConfig(heard)
	if err != nil {
		return fmt.Errorf("cluster connection: %w", err)
	}
	syncs := sync.NewSyncs(client)
	syncs.Inventories.ConfigMaps = c.core
	syncs.Stop = stop.New(c.core, c.o.Lease.Namespace, c.o.Lease.Name)
	users, err := clusters.NewUsers(c.config, c.core, clock.RealClock{})
	if err != nil {
		return err
	}
	c.opens = &connections{secrets: c.core, users: users,
		mirrors: gitsource.Open(filepath.Join(c.o.DataDir, "mirrors"), c.o.Mirrors),
		notes:   filepath.Join(c.o.DataDir, "notes"), notesKeys: c.o.NotesKeys,
		bindings: bindings{hosts: c.o.RequireHosts}, reach: c.o.Mirrors.Reach, accounts: c.o.Accounts,
		remotes: newRemotes(clusters.Options{Read: readKubeconfig(c.core), Guard: c.held.Guard,
			Control: c.o.Mirrors.Reach.Control, Home: homeOf(c.core)}, clients.Now)}
	c.syncs = &sync.Controller{
		Syncs:      syncs,
		Connect:    c.opens,
		Observer:   observe.New(clients),
		Renders:    c.renders,
		ConfigMaps: c.core,
		Now:        clients.Now,
		Namespaces: c.o.Namespaces,
		Workers:    c.o.Workers,
		Preparing: sync.PreparingOptions{Renders: c.o.Ceilings, Queue: fairqueue.Options{Jobs: c.o.PrepareWorkers,
			Memory: cmp.Or(c.o.RenderMemory, child.DefaultTotal), Patience: brakePatience}},
	}
	return nil
}

// Run looks after the Syncs until ctx ends, or the Lease is lost. A Controller runs once.
func (c *Controller) Run(ctx context.Context) error {
	defer c.syncs.Observer.Stop()
	defer c.renders.Close()
	var err error
	if c.syncs.Cluster, err = nameOfCluster(ctx, c.core, c.o.ClusterName, c.o.Log); err != nil {
		return err
	}
	c.opens.cluster = c.syncs.Cluster
	announcer, stop, err := newAnnouncer(c.core)
	if err != nil {
		return err
	}
	defer stop()
	m := c.tellAll(announcer)
	go giveBack(ctx)
	c.sayHello(ctx)
	ready := active{c.syncs, c.held, &folder{dir: c.o.DataDir}}
	served := map[string]http.Handler{
		c.o.Webhooks: m.countingHooks(newHooks(ready, c.core, c.o.Log)),
		c.o.Metrics:  m.handler(ready, c.door()),
	}
	maps.Copy(served, c.o.Pages)
	closeAll, err := serveAll(served)
	if err != nil {
		return err
	}
	defer closeAll()
	return c.held.Run(ctx, func(ctx context.Context) error {
		if c.o.First != nil {
			if err := c.o.First(ctx, c.config); err != nil {
				return err
			}
		}
		if c.syncs.Preparing.Marks, err = deaths.Open(filepath.Join(c.o.DataDir, "preparing"), time.Now()); err != nil {
			return err
		}
		return c.syncs.Run(ctx)
	})
}

// door is what lets people in to the metrics: everybody, or whom the API server admits.
func (c *Controller) door() func(http.Handler) http.Handler {
	if !c.o.MetricsAuth {
		return func(page http.Handler) http.Handler { return page }
	}
	return (&doorkeeper{kube: c.reviews, now: time.Now}).guard
}

// tellAll has what happens printed, recorded and counted.
func (c *Controller) tellAll(announcer *announcer) *metrics {
	c.syncs.Connect = &stoppableConnections{&leasedConnections{c.syncs.Connect, c.held.Holds}, c.syncs.Syncs.Stop}
	m := newMetrics()
	m.count(c.syncs)
	m.holds = c.held.Holds
	c.syncs.Panicked = func(s *api.Sync, p *panics.Panic) {
		m.panics.Inc()
		c.o.Log.WithField("sync", s.Namespace+"/"+s.Name).Errorf("%v\n%s", p, p.Stack)
	}
	c.syncs.Teller = tellers{&follower{out: c.o.Out, log: c.o.Log}, announcer, m}
	return m
}
