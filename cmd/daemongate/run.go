package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/render/child"
)

// runOptions are the flags of the controller.
type runOptions struct {
	cluster
	controller.Options
	file                string
	allNamespaces       bool
	logLevel, logFormat string
	renderMemory        resource.QuantityValue
	renderMaxFileSize   resource.QuantityValue
	renderMaxTotalSize  resource.QuantityValue
	local               localOptions
	advertise           net.IP
	page                pageOptions
	profiles            string // address to serve profiles at; empty for nowhere
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
			if err := errors.Join(o.checkRenders(), o.checkAdvertised(), o.page.check(), o.checkProfiles(),
				controller.CheckLog(o.logLevel, o.logFormat)); err != nil {
				return usage(c, err)
			}
			if len(o.Namespaces) > 0 && (o.allNamespaces || o.file != "") {
				return usage(c, errors.New("--namespaces goes with neither --all-namespaces nor --file: give one of "+
					"them"))
			}
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.addTo(c.Flags())
	return c
}

func (o *runOptions) addTo(flags *pflag.FlagSet) {
	o.cluster.addPlace(flags)
	flags.StringVar(&o.logLevel, "log-level", "info", "trace, debug, info, warning or error")
	flags.StringVar(&o.logFormat, "log-format", "text", "text or json")
	flags.StringVarP(&o.file, "file", "f", "", "a file with a Sync, to install and look after")
	flags.StringVar(&o.DataDir, "data-dir", origin.CacheDir(),
		"folder for the mirrors of repositories, and for what must outlive the process")
	flags.IntVar(&o.Mirrors.MaxGrowth, "mirror-max-growth", 2,
		"times its size when it was made to which a mirror may grow before it is made anew")
	flags.IntVar(&o.Mirrors.MaxPacks, "mirror-max-packs", 200, "fetches after which a mirror is made anew")
	flags.Int64Var(&o.Mirrors.MaxPack, "mirror-max-pack", 2<<30,
		"bytes of one fetch above which a repository is refused; 0 refuses none")
	flags.Int64Var(&o.Mirrors.MaxObjects, "mirror-max-objects", 1_500_000,
		"objects of one fetch above which a repository is refused, since each takes memory; 0 refuses none")
	flags.Int64Var(&o.Mirrors.MaxDisk, "mirror-max-disk", 8<<30,
		"bytes that all mirrors may take on disk together, of which repositories that are not mirrored yet may fill "+
			"four fifths; 0 is any number")
	flags.StringVar(&o.Webhooks, "webhook-address", "",
		"address to take webhooks at, such as :9292 (default: none are taken)")
	flags.StringVar(&o.Metrics, "metrics-address", "",
		"address to serve /metrics, /healthz and /readyz at, such as :9090 (default: nowhere)")
	flags.BoolVar(&o.MetricsAuth, "metrics-auth", false,
		"show /metrics only to whom the API server lets get it: by a bearer token, as a Role with nonResourceURLs says")
	o.page.addTo(flags)
	o.addProfiles(flags)
	flags.StringVar(&o.ClusterName, "cluster-name", "", controller.ClusterNameUsage)
	flags.StringSliceVar(&o.NotesKeys, "notes-key", nil, "file with an SSH private key without passphrase, as of a "+
		"Secret that is mounted, by which this cluster's notes are signed; of several the first signs, and what the "+
		"others have signed counts as its own, so that keys can be exchanged (default: notes are not signed)")
	flags.BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "look after the Syncs of all namespaces")
	flags.StringSliceVar(&o.Namespaces, "namespaces", nil,
		"look after the Syncs of these namespaces, and ask for the rights of no others: a,b")
	inOneLine(flags.Lookup("namespaces"))
	flags.IntVar(&o.Workers, "workers", 4, "how many Syncs have their turn at once, beside those that wait for "+
		"a server")
	flags.IntVar(&o.PrepareWorkers, "prepare-workers", 4, "how many commits are rendered and tried at once, beside "+
		"the turns of the Syncs; one namespace has half of them at most")
	o.addRendersTo(flags)
	flags.StringVar(&o.Accounts.Default, "default-service-account", "",
		"ServiceAccount, in the namespace of each Sync, whose rights are used for a Sync that names none")
	flags.BoolVar(&o.Accounts.Required, "require-service-account", false,
		"refuse a Sync that has no ServiceAccount, instead of writing with the rights of this controller")
	o.addReachTo(flags)
	o.addLeaseTo(flags)
}

// addRendersTo adds the flags that bound renders. A Sync's spec.render may only lower them.
func (o *runOptions) addRendersTo(flags *pflag.FlagSet) {
	o.renderMemory.Quantity = *resource.NewQuantity(child.DefaultTotal, resource.BinarySI)
	flags.Var(&o.renderMemory, "render-memory", "how much memory all renders at once may take together; a Sync's "+
		"render.maxMemory counts up to half of it")
	o.renderMaxFileSize.Quantity = *resource.NewQuantity(16<<20, resource.BinarySI)
	flags.Var(&o.renderMaxFileSize, "render-max-file-size", "up to what a Sync's render.maxFileSize counts")
	o.renderMaxTotalSize.Quantity = *resource.NewQuantity(256<<20, resource.BinarySI)
	flags.Var(&o.renderMaxTotalSize, "render-max-total-size", "up to what a Sync's render.maxTotalSize counts")
	flags.IntVar(&o.Ceilings.Objects, "render-max-objects", 20_000, "up to what a Sync's render.maxObjects counts")
	flags.DurationVar(&o.Ceilings.Timeout, "render-timeout", longestRender,
		"up to what a Sync's render.timeout counts; 10m at most")
}

// longestRender is how much processor time nobody lets a render take more than.
const longestRender = 10 * time.Minute

// checkRenders refuses bounds of renders that are none, and takes them over.
func (o *runOptions) checkRenders() error {
	c := &o.Ceilings
	o.RenderMemory = o.renderMemory.Value()
	c.FileSize, c.TotalSize = o.renderMaxFileSize.Value(), o.renderMaxTotalSize.Value()
	c.Memory = o.RenderMemory / 2
	switch {
	case c.Timeout < time.Second || c.Timeout > longestRender:
		return fmt.Errorf("--render-timeout %s: want 1s to %s", c.Timeout, longestRender)
	case c.FileSize <= 0 || c.TotalSize <= 0 || c.Objects <= 0:
		return errors.New("--render-max-file-size, --render-max-total-size and --render-max-objects: want more than 0")
	case c.Memory < child.LeastMemory:
		return fmt.Errorf("--render-memory %s: want %dMi at least: two renders at once need as much", &o.renderMemory,
			2*child.LeastMemory>>20)
	case o.PrepareWorkers < 1:
		return fmt.Errorf("--prepare-workers %d: want 1 at least", o.PrepareWorkers)
	}
	return nil
}

// addLeaseTo adds the flags of the Lease that lets one controller write at a time. By default it is the same one for
// all controllers of a cluster, the installed one and those that people run, whichever Syncs they look after.
func (o *runOptions) addLeaseTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.Lease.Namespace, "lease-namespace", install.Owner.Namespace,
		"namespace of the Lease without which nothing is written; "+
			"controllers that hold different ones must look after different Syncs")
	flags.StringVar(&o.Lease.Name, "lease-name", leaseName, "name of that Lease")
	flags.DurationVar(&o.Lease.Duration, "lease-duration", 15*time.Second,
		"after how long without a sign of life of its holder another controller takes over")
	flags.IPVar(&o.advertise, "advertise-address", nil, "IP address at which other controllers reach the port of "+
		"--webhook-address: they hand their webhooks to the one that works (default: they do not)")
}

func (o *runOptions) run(ctx context.Context, out, errs io.Writer) error {
	out = controller.NewLines(out, o.logFormat)
	o.Lease.Version = thisBuild().Version
	o.Version, o.Out, o.Log = o.Lease.Version, out, controller.NewLog(errs, o.logLevel, o.logFormat)
	o.Lease.Tell = func(text string) { _, _ = fmt.Fprintf(out, "%s  %s\n", time.Now().Format("15:04:05"), text) }
	config, namespace, err := o.scope()
	if err != nil {
		return err
	}
	o.keepOut(config)
	switch {
	case o.allNamespaces:
		o.Namespaces = nil
	case len(o.Namespaces) == 0:
		o.Namespaces = []string{namespace}
	}
	if o.file != "" {
		o.First = func(ctx context.Context, config *rest.Config) error {
			_, err := installSync(ctx, config, o.file, namespace)
			return err
		}
	}
	reads := &pageReads{}
	closePage, err := o.servePage(config, reads)
	if err != nil {
		return err
	}
	defer closePage()
	o.serveProfiles()
	c, err := controller.New(config, o.Options)
	if err != nil {
		return err
	}
	if o.page.address != "" {
		if err := reads.readBy(c); err != nil {
			return err
		}
		defer reads.close()
	}
	return c.Run(ctx)
}

// scope returns how to reach the API server, and the namespace that is meant: that of the file, if there is one.
func (o *runOptions) scope() (*rest.Config, string, error) {
	config, namespace, err := o.connect()
	if err != nil || o.file == "" {
		return config, namespace, err
	}
	s, _, err := readSync(o.file)
	if err != nil {
		return nil, "", err
	}
	return config, cmp.Or(s.Namespace, namespace), nil
}
