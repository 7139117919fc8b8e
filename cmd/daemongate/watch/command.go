package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/cmd/daemongate/watch/screen"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// options are the flags.
type options struct {
	plain  bool
	output string
}

// New is the command. stuck is what it returns where -o finds the newest commit stuck.
func New(r Reach, arguments cobra.PositionalArgs, stuck error) *cobra.Command {
	o := &options{}
	c := &cobra.Command{
		Use:   "watch NAME",
		Short: "Watch a Sync: its commits, a cell for each node, what is wrong and what to do",
		Long: `Show a Sync while it goes on: the commits that wait, roll out and have settled; a cell for each node by what it is to
the rollout; why nodes do not get on, with the evidence and what to do; how fast nodes settle, and an estimate of the
time left. What stands there is judged here, with your rights, from what the API server serves now.

With --plain, where the output is no terminal, with TERM=dumb, and with ACCESSIBLE set, each change is a line instead.
With -o one look is printed for scripts; the exit code is 3 if the newest commit is stuck.`,
		Example: "  daemongate watch node-agents\n  daemongate watch node-agents --plain\n" +
			"  daemongate watch node-agents -o json | jq '.nodes[] | select(.state == \"Failing\") | .name'",
		Args: arguments,
		RunE: func(c *cobra.Command, args []string) error {
			l, err := newLooker(r, args[0])
			if err != nil {
				return err
			}
			defer l.stop()
			if o.output != "" {
				return once(c.Context(), l, o.output, c.OutOrStdout(), stuck)
			}
			if wantsLines(o, c.OutOrStdout(), os.Getenv) {
				return plainly(c.Context(), l, c.OutOrStdout())
			}
			return fullScreen(c.Context(), l, wantsASCII(os.Getenv), tea.WithOutput(c.OutOrStdout()))
		},
	}
	r.AddFlags(c.Flags())
	c.Flags().BoolVar(&o.plain, "plain", false, "a line for each change, for logs and screen readers")
	c.Flags().StringVarP(&o.output, "output", "o", "", "print one look: json or yaml")
	return c
}

// once prints one look.
func once(ctx context.Context, l *looker, format string, out io.Writer, stuck error) error {
	if format != "json" && format != "yaml" {
		return fmt.Errorf("-o %s: want json or yaml", format)
	}
	seen, err := l.look(ctx)
	if err != nil {
		return err
	}
	v := view.Of(seen)
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil && format == "yaml" {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, string(text)); err != nil {
		return err
	}
	if v.State == api.Stuck {
		return stuck
	}
	return nil
}

// plainly appends a line for each change until it is ended.
func plainly(ctx context.Context, l *looker, out io.Writer) error {
	p := &screen.Plain{}
	began := false
	for ctx.Err() == nil {
		seen, err := l.look(ctx)
		var lines []string
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil && !began:
			return err
		case err != nil:
			lines = p.Lost(time.Now(), err)
		default:
			began = true
			v := view.Of(seen)
			lines = p.Lines(&v)
		}
		for _, text := range lines {
			if _, err := fmt.Fprintln(out, text); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookPause):
		}
	}
	return nil
}
