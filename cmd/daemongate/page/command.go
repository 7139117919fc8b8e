package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
)

// Cluster is where the command finds the cluster: the flags, and what they say, with the namespace.
type Cluster struct {
	AddFlags func(*pflag.FlagSet)
	Connect  func() (*rest.Config, string, error)
	// Repositories opens what reads repositories, as the flags say; done ends that.
	Repositories func(*rest.Config) (of Changes, fleets Fleets, done func(), err error)
}

// options are the flags of the command.
type options struct {
	all, noBrowser bool
	port           int
}

// New is the command that opens the page for whoever calls it.
func New(k Cluster, r Reach, arguments cobra.PositionalArgs) *cobra.Command {
	o := &options{}
	c := &cobra.Command{
		Use:   "dashboard [NAME]",
		Short: "Open the page: all Syncs, their commits, their nodes, what is wrong and what to do",
		Long: `Serve the page on this machine, with your own kubeconfig and rights, and open it in the browser. Nothing is
installed in the cluster, and nobody else can use it: the address that is printed lets one browser in, once. It ends
with ^C.

With NAME the page of that Sync is opened.

What a commit has changed, and which commit is on which cluster, is read from the repository when such a page is opened,
with your own access to it: ssh keys as OpenSSH has them, or by https a token, which is sent to one server alone.`,
		Example: "  daemongate dashboard\n  daemongate dashboard node-agents -n platform --no-browser",
		Args:    arguments,
		RunE: func(c *cobra.Command, args []string) error {
			config, namespace, err := k.Connect()
			if err != nil {
				return err
			}
			of, fleets, done, err := k.Repositories(config)
			if err != nil {
				return err
			}
			defer done()
			r.Config, r.Changes, r.Fleets = config, of, fleets
			if !o.all {
				r.Namespaces = []string{namespace}
			}
			to := "/"
			if len(args) > 0 {
				to = html.Page{}.SyncPath(namespace, args[0])
			}
			return o.serve(c.Context(), r, to, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	k.AddFlags(c.Flags())
	c.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "the Syncs of all namespaces")
	c.Flags().IntVar(&o.port, "port", 0, "port on 127.0.0.1 (default: any that is free)")
	c.Flags().BoolVar(&o.noBrowser, "no-browser", false, "only print the address")
	return c
}

// serve serves the page until ctx ends.
func (o *options) serve(ctx context.Context, r Reach, to string, out, errs io.Writer) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)))
	if err != nil {
		return fmt.Errorf("--port %d: %w", o.port, err)
	}
	p, address, err := OfCaller(r, listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer p.Close()
	server := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if _, err := fmt.Fprintf(out, "%s\nGood for one browser, once. ^C ends it.\n", address(to)); err != nil {
		return errors.Join(err, server.Close())
	}
	if !o.noBrowser {
		forget, err := openBrowser(ctx, address(to))
		if err != nil {
			_, _ = fmt.Fprintf(errs, "no browser could be opened (%v): open the address yourself\n", err)
		}
		defer forget()
	}
	select {
	case <-ctx.Done():
		return server.Close() // streams would have it wait for ever
	case err := <-ended:
		return err
	}
}

// openBrowser has the browser open an address by way of a file that only its owner can read: the arguments of a process
// can be read by everybody on the machine. forget removes the file.
func openBrowser(ctx context.Context, address string) (forget func(), err error) {
	dir, err := os.MkdirTemp("", "daemongate-")
	if err != nil {
		return func() {}, err
	}
	forget = func() { _ = os.RemoveAll(dir) }
	file := filepath.Join(dir, "open.html")
	page := `<!doctype html><meta charset="utf-8"><title>Daemongate</title><meta http-equiv="refresh" content="0;url=` +
		address + `"><a href="` + address + `">Daemongate</a>`
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		return forget, err
	}
	opener := map[string][]string{"darwin": {"open"},
		"windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if opener == nil {
		opener = []string{"xdg-open"}
	}
	//nolint:gosec // the command is one of three, and the file our own
	command := exec.CommandContext(ctx, opener[0], append(opener[1:], file)...)
	if err := command.Start(); err != nil {
		return forget, err
	}
	go func() { _ = command.Wait() }() // some end at once, others with the browser
	return forget, nil
}
