package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

func newLog() *cobra.Command {
	var k cluster
	format := formatTable
	c := &cobra.Command{
		Use:   "log NAME",
		Short: "Show what became of the last commits of a Sync",
		Args:  arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, err := k.sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			return format.print(c.OutOrStdout(), s.Status.History,
				func(w io.Writer) error { return printHistory(w, s.Status.History) })
		},
	}
	k.addTo(c.Flags())
	format.addTo(c)
	return c
}

// printHistory prints a line per commit, newest first.
func printHistory(out io.Writer, history []api.Record) error {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "COMMIT\tSTATE\tSINCE\tTOOK\tSUBJECT\tMESSAGE")
	for _, r := range history {
		took := ""
		if r.State.Settled() {
			took = r.Since.Sub(r.First.Time).Round(100 * time.Millisecond).String()
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", api.Short(r.Commit), recordState(r),
			r.Since.Format(time.DateTime), took, r.Subject, r.Text())
	}
	return t.Flush()
}

func recordState(r api.Record) string {
	if r.By == "" {
		return string(r.State)
	}
	return fmt.Sprintf("%s by %s (%s)", r.State, api.Short(r.By), r.Outcome)
}
