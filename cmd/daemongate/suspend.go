package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newSuspend and newResume turn a Sync's polls, applies, prune and correction off and on (spec.suspend).
func newSuspend() *cobra.Command {
	return setSuspended(true, &cobra.Command{
		Use:   "suspend NAME...",
		Short: "Stop polls, applies, prune and correction; judging, the brake and reports go on",
	})
}

func newResume() *cobra.Command {
	return setSuspended(false, &cobra.Command{
		Use:   "resume NAME...",
		Short: "Let a suspended Sync go on",
	})
}

func setSuspended(suspend bool, c *cobra.Command) *cobra.Command {
	var k cluster
	c.Args = arguments(cobra.MinimumNArgs(1))
	c.RunE = func(c *cobra.Command, args []string) error {
		syncs, namespace, err := k.syncs()
		if err != nil {
			return err
		}
		done := map[bool]string{true: "suspended", false: "resumed"}[suspend]
		for _, name := range args {
			changed, err := syncs.Suspend(c.Context(), namespace, name, suspend)
			if err != nil {
				return err
			}
			text := done
			if !changed {
				text = "was " + done + " already"
			}
			if _, err := fmt.Fprintf(c.OutOrStdout(), "Sync %s/%s %s\n", namespace, name, text); err != nil {
				return err
			}
		}
		return nil
	}
	k.addTo(c.Flags())
	return c
}
