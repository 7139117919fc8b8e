// Package fit looks whether a cluster is fit for Daemongate, and which controller runs there. It writes nothing.
package fit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/fit/judge"
	"github.com/daemongate/daemongate/manifests/install"
)

// Program is what the binary has for each of its commands.
type Program struct {
	Version string
	NoArgs  cobra.PositionalArgs
	Flags   func(*pflag.FlagSet)
	Connect func() (*rest.Config, string, error)
	// Print prints a value as the command's -o says, which AddFormat adds, or else what table writes.
	AddFormat func(*cobra.Command)
	Print     func(w io.Writer, value any, table func(io.Writer) error) error
	Unfit     error // the outcome where something hinders
}

// answer is what the command prints for scripts.
type answer struct {
	Fit      bool            `json:"fit"`
	Findings []judge.Finding `json:"findings"`
}

// New is the command check.
func New(p Program) *cobra.Command {
	o := install.Options{Image: "example.com/daemongate"}
	c := &cobra.Command{
		Use:   "check",
		Short: "Say whether a cluster is fit for Daemongate, before it is installed",
		Long: `Say whether a cluster is fit for Daemongate: its version, your rights to install it, to take back what an earlier
installation has brought and to uninstall it, what the API server would refuse of it and why, the controllers of
Kubernetes that DaemonSets need, the clocks of nodes, and the controller that runs already. Nothing is written: the
objects of an installation are sent as a dry run.

What cannot be looked at with your rights is said, and hinders nothing. The exit code is 0 if nothing hinders, else 1.`,
		Example: "  daemongate check\n  daemongate check --namespaces a,b -o json",
		Args:    p.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config, _, err := p.Connect()
			if err != nil {
				return err
			}
			seen, err := look(c.Context(), config, o)
			if err != nil {
				return err
			}
			seen.Client = p.Version
			a := answer{Findings: judge.All(seen)}
			a.Fit = judge.Fit(a.Findings)
			if err := p.Print(c.OutOrStdout(), a, a.table); err != nil || a.Fit {
				return err
			}
			return p.Unfit
		},
	}
	p.Flags(c.Flags())
	c.Flags().StringSliceVar(&o.Namespaces, "namespaces", nil, "as with install: look after the Syncs of these alone")
	c.Flags().BoolVar(&o.Page, "http", false, "as with install: the page, too")
	c.Flags().BoolVar(&o.Monitoring, "monitoring", false, "as with install: what Prometheus and Grafana read, too")
	p.AddFormat(c)
	return c
}

// table is the answer for people.
func (a answer) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range a.Findings {
		sign := map[judge.Level]string{judge.Good: "ok", judge.Note: "note", judge.Hinders: "NO"}[f.Level]
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", sign, f.About, f.Seen)
		if f.Do != "" {
			_, _ = fmt.Fprintf(t, "\t\t→ %s\n", f.Do)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	says := "Daemongate can be installed here"
	if !a.Fit {
		says = "Daemongate cannot be installed here, or would not work: see NO above"
	}
	_, err := fmt.Fprintln(w, says)
	return err
}

// look sees what there is. What may not be looked at is noted where it would be; without an answer there is nothing.
func look(ctx context.Context, config *rest.Config, o install.Options) (s judge.Seen, err error) {
	clock := &clock{}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { clock.next = next; return clock })
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return s, fmt.Errorf("cluster connection: %w", err)
	}
	version, err := kube.Discovery().ServerVersion()
	if err != nil {
		return s, fmt.Errorf("ask the API server for its version: %w", err)
	}
	s.Kubernetes = version.GitVersion
	s.Now, s.Ahead = clock.read()
	if err := tried(ctx, config, kube, o, &s); err != nil {
		return s, err
	}
	s.Controllers = beats(ctx, kube)
	s.Nodes, s.NodesUnread = nodes(ctx, kube)
	s.Lease, s.LeaseUnread = Controller(ctx, kube)
	return s, nil
}

// clock learns the API server's time from its first answer.
type clock struct {
	next          http.RoundTripper
	server, local time.Time
}

// RoundTrip looks at the Date of an answer, which is cut to seconds.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(r)
	if err != nil || !c.server.IsZero() {
		return answer, err
	}
	if date, dateErr := http.ParseTime(answer.Header.Get("Date")); dateErr == nil {
		c.server, c.local = date, time.Now()
	}
	return answer, nil
}

// read is the API server's time when it was asked, and by how much the clock here is ahead of it.
func (c *clock) read() (now time.Time, ahead time.Duration) {
	if c.server.IsZero() {
		return now, 0
	}
	return c.server, c.local.Sub(c.server)
}
