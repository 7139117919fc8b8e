package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

func newGet() *cobra.Command {
	var k cluster
	var all bool
	format := formatTable
	c := &cobra.Command{
		Use:   "get",
		Short: "List Syncs",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			syncs, namespace, err := k.syncs()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			list, err := syncs.List(c.Context(), namespace)
			if err != nil {
				return err
			}
			for _, s := range list {
				s.Spec.Source.URL = withoutPassword(s.Spec.Source.URL)
				delete(s.Annotations, corev1.LastAppliedConfigAnnotation) // the same once more, as it was written
			}
			return format.print(c.OutOrStdout(), list, func(w io.Writer) error { return printSyncs(w, list, time.Now()) })
		},
	}
	k.addTo(c.Flags())
	c.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of all namespaces")
	format.addTo(c)
	return c
}

func printSyncs(out io.Writer, list []*api.Sync, now time.Time) error {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "NAMESPACE\tNAME\tCOMMIT\tSTATE\tNODES\tHELD\tAGE\tMESSAGE")
	for _, s := range list {
		m := s.Status.Summary
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", s.Namespace, s.Name, dash(m.Commit), dash(string(m.State)),
			dash(m.Nodes), s.Status.Held.Count, duration.HumanDuration(now.Sub(s.CreationTimestamp.Time)), m.Message)
	}
	return t.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
