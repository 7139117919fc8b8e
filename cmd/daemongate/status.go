package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

func newStatus() *cobra.Command {
	var k cluster
	format := formatTable
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show what is in flight, what waits, and why",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, err := k.sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			err = format.print(c.OutOrStdout(), s.Status, func(w io.Writer) error { return printStatus(w, s, time.Now()) })
			if err == nil && s.Status.Summary.State == api.Stuck {
				return stuck
			}
			return err
		},
	}
	k.addTo(c.Flags())
	format.addTo(c)
	return c
}

// printStatus tells a person how a Sync is doing.
func printStatus(out io.Writer, s *api.Sync, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Sync %s/%s\n", s.Namespace, s.Name)
	source := meta.FindStatusCondition(s.Status.Conditions, "SourceReady")
	switch {
	case s.Spec.Suspend:
		fmt.Fprintln(&b, "  suspended: nothing is polled or applied")
	case source == nil:
		fmt.Fprintln(&b, "  the repository has not been polled yet; is the controller running?")
	case source.Status == metav1.ConditionFalse:
		fmt.Fprintf(&b, "  the repository cannot be polled: %s\n", source.Message)
	}
	writeFlight(&b, s.Status.InFlight, now)
	for _, f := range s.Status.Failed {
		fmt.Fprintf(&b, "  %s  Failed: %s\n", sync.Short(f.Commit), f.Message)
	}
	if h := s.Status.Held; h.Count > 0 {
		fmt.Fprintf(&b, "  %s held, the newest is %s: %s\n", counted(h.Count, "commit"), sync.Short(h.Newest), h.Reason)
	}
	if c := s.Status.LastComplete; c != "" {
		fmt.Fprintf(&b, "  last complete: %s\n", sync.Short(c))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeFlight(b *strings.Builder, f *api.Flight, now time.Time) {
	if f == nil {
		return
	}
	fmt.Fprintf(b, "  %s  %s", sync.Short(f.Commit), f.State)
	if n := f.Nodes; n.Desired > 0 {
		fmt.Fprintf(b, ", %d of %d nodes settled, %d updated", n.Settled, n.Desired, n.Updated)
	}
	fmt.Fprintf(b, ", since %s\n", duration.HumanDuration(now.Sub(f.Since.Time)))
	if f.Message != "" {
		fmt.Fprintf(b, "    %s\n", f.Message)
	}
	for _, c := range f.Causes {
		fmt.Fprintf(b, "    %s  %s  %s: %s\n", c.Code, c.Object, counted(c.NodeCount, "node"), strings.Join(c.Nodes, ", "))
		if c.Message != "" {
			fmt.Fprintf(b, "      %s\n", c.Message)
		}
		if c.Remedy != "" {
			fmt.Fprintf(b, "      → %s\n", c.Remedy)
		}
	}
	for _, w := range f.Followers {
		fmt.Fprintf(b, "    %s  %s with it\n", sync.Short(w.Commit), w.State)
	}
}
