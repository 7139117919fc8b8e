package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync"
)

// runOptions are the flags of the controller.
type runOptions struct {
	cluster
	file, dataDir string
	clusterName   string
	webhooks      string // address
	metrics       string // address
	allNamespaces bool
	mirrors       gitsource.Options
	workers       int
	lease         leaseOptions
	logs          logOptions
}

func newRun() *cobra.Command {
	o := &runOptions{}
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the controller",
		Long: `Run the controller in the foreground and print a line for every change of state.

With -f, install the Sync resource and the Sync of that file first, and look after the Syncs of its namespace.

One controller of a cluster writes at a time: the one that holds the Lease daemongate in namespace daemongate-system, which
is made if it is missing. This is so for every controller, the installed one too, and whichever namespaces it looks after.
Another one waits, says who holds the Lease, and takes over when that one stops, or has shown no sign of life for 15 s.
Controllers that shall work side by side, on Syncs of different namespaces, need different Leases.`,
		Example: "  daemongate run -f sync.yaml",
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.addTo(c.Flags())
	o.logs.addTo(c.Flags())
	o.lease.addTo(c.Flags())
	c.Flags().StringVarP(&o.file, "file", "f", "", "a file with a Sync, to install and look after")
	c.Flags().StringVar(&o.dataDir, "data-dir", defaultDataDir(), "folder for the mirrors of repositories, and for what must outlive the process")
	c.Flags().IntVar(&o.mirrors.MaxGrowth, "mirror-max-growth", 2, "times its size when it was made to which a mirror may grow before it is made anew")
	c.Flags().IntVar(&o.mirrors.MaxPacks, "mirror-max-packs", 200, "fetches after which a mirror is made anew")
	c.Flags().Int64Var(&o.mirrors.MaxPack, "mirror-max-pack", 0, "bytes of one fetch above which a repository is refused; 0 refuses none")
	c.Flags().StringVar(&o.webhooks, "webhook-address", "", "address to take webhooks at, such as :9292 (default: none are taken)")
	c.Flags().StringVar(&o.metrics, "metrics-address", "", "address to serve /metrics, /healthz and /readyz at, such as :9090 (default: nowhere)")
	c.Flags().StringVar(&o.clusterName, "cluster-name", "", clusterNameUsage)
	c.Flags().BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "look after the Syncs of all namespaces")
	c.Flags().IntVar(&o.workers, "workers", 4, "how many Syncs have their turn at once")
	return c
}

func defaultDataDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "daemongate")
	}
	return filepath.Join(os.TempDir(), "daemongate")
}

func (o *runOptions) run(ctx context.Context, out, errs io.Writer) error {
	log := o.logs.logger(errs)
	if o.webhooks != "" && o.webhooks == o.metrics {
		return fmt.Errorf("--webhook-address and --metrics-address are both %s: give each its own, since who sends webhooks need not see the metrics", o.metrics)
	}
	config, namespace, err := o.scope()
	if err != nil {
		return err
	}
	held, err := o.lease.lease(config, out)
	if err != nil {
		return err
	}
	config = held.Guard(config)
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("cluster connection: %w", err)
	}
	controller, err := o.controller(config, core, namespace)
	if err != nil {
		return err
	}
	defer controller.Observer.Stop()
	if controller.Cluster, err = nameOfCluster(ctx, core, o.clusterName, log); err != nil {
		return err
	}
	announcer, stop, err := newAnnouncer(core)
	if err != nil {
		return err
	}
	defer stop()
	controller.Connect = &leasedConnections{controller.Connect, held.Holds}
	m := newMetrics()
	m.count(controller)
	m.holds = held.Holds
	controller.Tell = tellers{&follower{out: out, log: log}, announcer, m}
	asked := active{controller, held}
	closeAll, err := serveAll(map[string]http.Handler{
		o.webhooks: m.countingHooks(newHooks(asked, core, log)),
		o.metrics:  m.handler(asked),
	})
	if err != nil {
		return err
	}
	defer closeAll()
	return held.Run(ctx, func(ctx context.Context) error {
		if o.file != "" {
			if _, err := installSync(ctx, config, o.file, namespace); err != nil {
				return err
			}
		}
		return controller.Run(ctx)
	})
}

// scope returns how to reach the API server, and the namespace of the Syncs to look after; empty for all.
func (o *runOptions) scope() (*rest.Config, string, error) {
	config, namespace, err := o.connect()
	if err != nil {
		return nil, "", err
	}
	if o.file != "" {
		s, _, err := readSync(o.file)
		if err != nil {
			return nil, "", err
		}
		namespace = or(s.Namespace, namespace)
	}
	if o.allNamespaces {
		namespace = ""
	}
	return config, namespace, nil
}

// serveAll serves each handler at its address, until the returned function is called; none where the address is empty.
func serveAll(handlers map[string]http.Handler) (closeAll func(), err error) {
	var closes []func()
	closeAll = func() {
		for _, one := range closes {
			one()
		}
	}
	for address, handler := range handlers {
		if address == "" {
			continue
		}
		one, err := serveHTTP(address, handler)
		if err != nil {
			closeAll()
			return nil, err
		}
		closes = append(closes, one)
	}
	return closeAll, nil
}

// controller wires the parts together.
func (o *runOptions) controller(config *rest.Config, core corev1.CoreV1Interface, namespace string) (*sync.Controller, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	clients, err := rollout.NewClients(config)
	if err != nil {
		return nil, err
	}
	return &sync.Controller{
		Syncs: sync.NewSyncs(client),
		Connect: &connections{config: config, secrets: core,
			mirrors: gitsource.Open(filepath.Join(o.dataDir, "mirrors"), o.mirrors),
			notes:   filepath.Join(o.dataDir, "notes")},
		Observer:   rollout.NewObserver(clients),
		Renders:    sync.OpenAttempts(filepath.Join(o.dataDir, "renders")),
		ConfigMaps: core,
		Now:        clients.Now,
		Namespace:  namespace,
		Workers:    o.workers,
	}, nil
}
