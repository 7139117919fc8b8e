package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

func newStatus() *cobra.Command {
	var k cluster
	format := formatTable
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show what is in flight, what waits, and why",
		Args:  arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, err := k.sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			err = format.print(c.OutOrStdout(), s.Status,
				func(w io.Writer) error { return printStatus(w, s, time.Now()) })
			k.warnIdle(c.Context(), c.ErrOrStderr())
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
	if source := view.Source(s); source != "" {
		fmt.Fprintf(&b, "  %s\n", source)
	}
	writeFlight(&b, s.Status.InFlight, now)
	if beside := s.Status.StoredWorkloads; beside != nil {
		fmt.Fprintf(&b, "  of its workloads %d that are no DaemonSets are named in ConfigMap %s\n", beside.Objects,
			beside.ConfigMap)
	}
	if s.Status.Detail == api.TellCounts {
		fmt.Fprintf(&b, "  no node is named here, and no program quoted (spec.report.inCluster: Counts): daemongate "+
			"explain %s does both, with your own rights\n", s.OnCommandLine())
	}
	for _, wait := range view.Waits(s, now) {
		fmt.Fprintf(&b, "  %s\n", wait)
	}
	if meta.IsStatusConditionFalse(s.Status.Conditions, api.ConditionHealthy) {
		fmt.Fprintf(&b, "    daemongate explain %s says why\n", s.OnCommandLine())
	}
	if c := s.Status.LastComplete; c != "" {
		fmt.Fprintf(&b, "  last complete: %s\n", api.Short(c))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeFlight(b *strings.Builder, f *api.Flight, now time.Time) {
	if f == nil {
		return
	}
	if r := f.RollbackOf; r != nil {
		state := string(api.Stuck)
		if r.Relapsed {
			state = "Complete, but relapsed"
		}
		fmt.Fprintf(b, "  %s  %s, %s is applied again in its place\n", api.Short(r.Commit), state, api.Short(f.Commit))
		writeIndented(b, r.Private)
		writeFollowers(b, r.Followers)
	}
	fmt.Fprintf(b, "  %s  %s", api.Short(f.Commit), f.State)
	if n := f.Nodes; n.Desired > 0 {
		fmt.Fprintf(b, ", %d of %d nodes settled, %d updated", n.Settled, n.Desired, n.Updated)
	}
	since := f.Since
	if f.Completed != nil && f.State == api.Complete {
		since = *f.Completed
	}
	fmt.Fprintf(b, ", for %s\n", duration.HumanDuration(now.Sub(since.Time)))
	if c := f.Correcting; c != nil {
		writeIndented(b, fmt.Sprintf("its workloads are not as it completed, for %s: %s",
			duration.HumanDuration(now.Sub(c.Since.Time)), c.Message))
		if c.Kept != "" {
			writeIndented(b, "not corrected: "+c.Kept)
		}
	} else {
		writeIndented(b, f.Private)
	}
	for _, w := range f.Workloads {
		writeWorkload(b, w)
	}
	for _, c := range f.Causes {
		fmt.Fprintf(b, "    %s  %s", c.Code, c.Object)
		if c.NodeCount > 0 {
			b.WriteString("  " + english.Join(english.Count(c.NodeCount, "node"), ": ", someOf(c.Nodes, c.NodeCount)))
		}
		b.WriteString("\n")
		if c.Message != "" {
			fmt.Fprintf(b, "      %s\n", c.Message)
		}
		if c.Remedy != "" {
			fmt.Fprintf(b, "      → %s\n", c.Remedy)
		}
	}
	if n := f.NoRollback; n != nil {
		writeIndented(b, "not rolled back: "+n.Message)
	}
	writeFollowers(b, f.Followers)
}

func writeFollowers(b *strings.Builder, followers []api.Follower) {
	for _, w := range followers {
		fmt.Fprintf(b, "    %s  %s with it\n", api.Short(w.Commit), w.State)
	}
}

func writeIndented(b *strings.Builder, text string) {
	if text != "" {
		fmt.Fprintf(b, "    %s\n", text)
	}
}
