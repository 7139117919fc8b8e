package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	fleets "github.com/daemongate/daemongate/cmd/daemongate/fleet"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

func newGet() *cobra.Command {
	var k cluster
	var all bool
	format := formatTable
	c := &cobra.Command{
		Use:   "get [NAME...]",
		Short: "List Syncs",
		Args:  arguments(ofSyncs),
		RunE: func(c *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return usage(c, errors.New("name Syncs, or list those of all namespaces with -A, not both"))
			}
			syncs, namespace, err := k.syncs()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			list, unread := listed(c.Context(), syncs, namespace, args)
			for _, s := range list {
				s.Spec.Source.URL = remote.WithoutPassword(s.Spec.Source.URL)
				delete(s.Annotations, corev1.LastAppliedConfigAnnotation) // the same once more, as it was written
			}
			if len(list) == 0 && unread != nil {
				return unread
			}
			if len(list) == 0 {
				list = []*api.Sync{} // for JSON an empty list, and not nothing
				_, _ = fmt.Fprintln(c.ErrOrStderr(), noSyncs(namespace))
			}
			err = format.print(c.OutOrStdout(), list,
				func(w io.Writer) error { return printSyncs(w, list, time.Now()) })
			k.warnIdle(c.Context(), c.ErrOrStderr())
			k.warnStopped(c.Context(), c.ErrOrStderr())
			return errors.Join(err, unread)
		},
	}
	k.addTo(c.Flags())
	c.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of all namespaces")
	format.addTo(c)
	return c
}

// noSyncs says that a list is empty, and where else to look.
func noSyncs(namespace string) string {
	if namespace == "" {
		return "there is no Sync in the cluster"
	}
	return fmt.Sprintf("there is no Sync in namespace %s: -A lists those of all namespaces", namespace)
}

// listed are the Syncs of some names, or all. What cannot be read of them is an error beside the others.
func listed(ctx context.Context, syncs *sync.Syncs, namespace string, names []string) ([]*api.Sync, error) {
	if len(names) == 0 {
		return syncs.List(ctx, namespace)
	}
	var list []*api.Sync
	var unread []error
	for _, name := range names {
		s, err := syncs.Get(ctx, namespace, name)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		list = append(list, s)
	}
	return list, errors.Join(unread...)
}

func printSyncs(out io.Writer, list []*api.Sync, now time.Time) error {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "NAMESPACE\tNAME\tCOMMIT\tSTATE\tNODES\tHELD\tAGE\tMESSAGE")
	for _, s := range list {
		m := s.Status.Summary
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", s.Namespace, s.Name, dash(m.Commit),
			dash(string(m.State)),
			dash(m.Nodes), s.Status.Held.Count, duration.HumanDuration(now.Sub(s.CreationTimestamp.Time)), message(s))
	}
	return t.Flush()
}

// message is a Sync's summary, with what a person has turned off before it, and what has no room after it.
func message(s *api.Sync) string {
	m := english.Join(s.Status.Summary.Message, "; ", view.WantOfRoom(s))
	switch by := view.Suspended(s); {
	case by == "":
		return m
	case s.Spec.Suspend:
		return english.Join("suspended", "; ", m)
	}
	return english.Join("suspended with all Syncs", "; ", m)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// newFleet has the command fleet print and end as the others do.
func newFleet() *cobra.Command {
	as := formatTable
	show := func(w io.Writer, value any, table func(io.Writer) error) error { return as.print(w, value, table) }
	c := fleets.New(fleets.Program{Usage: usage, Print: show})
	as.addTo(c)
	return c
}
