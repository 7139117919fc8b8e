package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/rollout"
)

func newExplain() *cobra.Command {
	d := &dump{}
	var at string
	format := formatTable
	c := &cobra.Command{
		Use:   "explain -f DUMP...",
		Short: "Say whether a DaemonSet has taken over its nodes and, if not, why not and what to do",
		Long: `Judge the DaemonSets of a dump, without a cluster: which nodes they have taken over, what keeps them from the others,
and what to do about it.

A dump is one or more files that kubectl has written, in JSON or YAML; - is stdin. What is missing from it makes the
answer poorer and is named. The exit code is 3 if a DaemonSet is stuck.`,
		Example: fmt.Sprintf("  %s -A > dump.json\n  daemongate explain -f dump.json\n  %s -A | daemongate explain -f -",
			rollout.DumpCommand, rollout.DumpCommand),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.complete(args, at); err != nil {
				return usage(c, err)
			}
			e, err := d.explain(c.InOrStdin())
			if err != nil {
				return err
			}
			if err := format.print(c.OutOrStdout(), e, func(w io.Writer) error { return printExplanation(w, e) }); err != nil {
				return err
			}
			return e.outcome()
		},
	}
	c.Flags().StringArrayVarP(&d.files, "filename", "f", nil, "a dump, or - for stdin; may be repeated, and further files may follow")
	c.Flags().StringVar(&at, "at", "", "when to look at it, such as 2026-11-24T10:00:00Z (default: the newest that has happened in it)")
	c.Flags().StringVar(&d.only, "daemonset", "", "only this DaemonSet: NAME or NAMESPACE/NAME")
	format.addTo(c)
	return c
}

// complete takes over what is not a flag's value as it stands: further files, and the time.
func (d *dump) complete(args []string, at string) error {
	if len(d.files) == 0 {
		return fmt.Errorf("give a dump with -f; make one with: %s -A > dump.json", rollout.DumpCommand)
	}
	d.files = append(d.files, args...)
	if at == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return fmt.Errorf("--at %s: want a time such as 2026-11-24T10:00:00Z", at)
	}
	d.at = t
	return nil
}
