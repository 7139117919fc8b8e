package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/report"
)

func newExplain() *cobra.Command {
	d, k, live := &dumpFlags{}, &cluster{}, &daemonSets{}
	var at string
	format := formatTable
	c := &cobra.Command{
		Use:   "explain NAME | explain ds/NAME... | explain -f DUMP...",
		Short: "Say whether a commit has taken over its nodes and, if not, why not and what to do",
		Long: `Judge the DaemonSets that a Sync has in flight: which nodes they have taken over, what keeps them from the others, and
what to do about it; and whatever else its commit waits for. The cluster is read with the caller's own rights, so nodes
are named here also where the Sync's status names none (spec.report.inCluster: Counts).

With ds/NAME, -l or -A, judge live DaemonSets that no Sync need know, by what they ask for now. Rights on nodes, Events
or node Leases that are missing make the answer poorer, and are named.

With -f, judge the DaemonSets of a dump instead, without a cluster. A dump is one or more files that kubectl has
written, in JSON or YAML; - is stdin. What is missing from it makes the answer poorer and is named.

The exit code is 3 if any of them is stuck.`,
		Example: fmt.Sprintf("  daemongate explain node-agents\n  daemongate explain ds/agent -n logging\n  %s -A > "+
			"dump.json\n  daemongate explain -f dump.json\n  %s -A | daemongate explain -f -",
			dump.Command, dump.Command),
		RunE: func(c *cobra.Command, args []string) error {
			if asked, err := live.take(args); len(d.files) == 0 && asked {
				if err != nil {
					return usage(c, err)
				}
				judged, err := explainDaemonSets(c.Context(), k, live)
				return tell(c.OutOrStdout(), format, report.New(judged...), err)
			}
			if len(d.files) == 0 && len(args) == 1 && at == "" {
				if strings.Contains(args[0], "/") {
					return usage(c, fmt.Errorf("%s: is neither a DaemonSet, which is named ds/NAME, nor a Sync; a "+
						"dump is given with -f", args[0]))
				}
				r, err := explainLive(c.Context(), k, args[0], d.only)
				return tell(c.OutOrStdout(), format, r, err)
			}
			if err := d.complete(args, at); err != nil {
				return usage(c, err)
			}
			judged, err := d.judge(c.InOrStdin())
			return tell(c.OutOrStdout(), format, report.New(judged...), err)
		},
	}
	k.addTo(c.Flags())
	live.addTo(c.Flags())
	c.Flags().StringArrayVarP(&d.files, "filename", "f", nil,
		"a dump, or - for stdin; may be repeated, and further files may follow")
	c.Flags().StringVar(&at, "at", "", "when to look at it, such as 2026-11-24T10:00:00Z (default: the newest that "+
		"has happened in it)")
	c.Flags().StringVar(&d.only, "daemonset", "", "only this DaemonSet: NAME or NAMESPACE/NAME")
	format.addTo(c)
	return c
}

// tell prints what was judged, unless it could not be, and answers by the exit code too.
func tell(out io.Writer, f format, r report.Report, err error) error {
	if err != nil {
		return err
	}
	err = f.print(out, r, func(w io.Writer) error {
		_, err := io.WriteString(w, r.Text())
		return err
	})
	if err == nil && r.Verdict == rollout.Stuck {
		return stuck
	}
	return err
}

// complete takes over what is not a flag's value as it stands: further files, and the time.
func (d *dumpFlags) complete(args []string, at string) error {
	if len(d.files) == 0 {
		return fmt.Errorf("name a DaemonSet as ds/NAME, or a Sync, or give a dump with -f; make one with: %s -A > "+
			"dump.json", dump.Command)
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
