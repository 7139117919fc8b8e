package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/sync"
)

// newSync asks for a poll and for another try of a commit that failed.
func newSync() *cobra.Command {
	var k cluster
	c := &cobra.Command{
		Use:   "sync NAME",
		Short: "Poll the repository now, and try a failed head again",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			syncs, namespace, err := k.syncs()
			if err != nil {
				return err
			}
			if err := syncs.Request(c.Context(), namespace, args[0], time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "asked for Sync %s/%s\n", namespace, args[0])
			return err
		},
	}
	k.addTo(c.Flags())
	return c
}

// newRelease lets the gate go on after a settled commit that needs a person's word.
func newRelease() *cobra.Command {
	var k cluster
	c := &cobra.Command{
		Use:   "release NAME",
		Short: "Let the next commit pass a stuck one, or a large prune go on",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			s, syncs, err := k.sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			f := s.Status.InFlight
			if f == nil || !f.State.Settled() {
				return errors.New("there is nothing to release: no commit is stuck, and no prune waits")
			}
			if err := syncs.Release(c.Context(), s.Namespace, s.Name, f.Commit); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "released %s, which is %s\n", sync.Short(f.Commit), f.State)
			return err
		},
	}
	k.addTo(c.Flags())
	return c
}
