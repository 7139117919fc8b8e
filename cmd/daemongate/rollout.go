package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/rollout/report"
)

// newRollout gathers the commands about rollouts of live DaemonSets, as kubectl rollout does.
func newRollout() *cobra.Command {
	c := &cobra.Command{
		Use:   "rollout",
		Short: "Follow the rollout of a live DaemonSet, whoever applied it",
		Args:  cobra.ArbitraryArgs,
		RunE:  helpOrUnknown,
	}
	c.AddCommand(newRolloutStatus())
	return c
}

// rolloutStatus is what `rollout status` was asked for.
type rolloutStatus struct {
	cluster    cluster
	daemonSets daemonSets
	timeout    time.Duration
	watch      bool
	options    rollout.Options
}

func newRolloutStatus() *cobra.Command {
	r := &rolloutStatus{}
	c := &cobra.Command{
		Use:   "status ds/NAME...",
		Short: "Follow a rollout until it is complete or stuck, and say why: a drop-in for kubectl rollout status",
		Long: `Follow the rollout of live DaemonSets, which no Sync need know, until each is complete or one is stuck. A rollout is
complete when every node runs a settled pod of the newest template, and stuck when it does not get on: then the cause,
the nodes and what to do are printed. An agent that keeps ending is never called rolled out.

On a terminal a bar shows the nodes, the rate and an estimate of the time left; elsewhere each change is a line.
Rights on pods and controllerrevisions of the namespace are enough; without those on nodes, Events and node Leases less
is known, and that is said.

The exit code is 0 when all are complete, 3 when one is stuck, 4 when the timeout has passed.`,
		Example: `  daemongate rollout status ds/agent -n logging --timeout 10m
  daemongate rollout status -l app=agent --watch=false`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := r.unsupported(c); err != nil {
				return usage(c, err)
			}
			asked, err := r.daemonSets.take(args)
			if err == nil && !asked {
				err = errors.New("name a DaemonSet: ds/NAME")
				if len(args) > 0 {
					err = fmt.Errorf("%s: is no DaemonSet: write ds/NAME", args[0])
				}
			}
			if err != nil {
				return usage(c, err)
			}
			r.options.NoProof = r.options.Proof == 0
			return r.run(c.Context(), c.OutOrStdout())
		},
	}
	r.cluster.addTo(c.Flags())
	r.daemonSets.addTo(c.Flags())
	kubectlFlags(c.Flags())
	c.Flags().DurationVar(&r.timeout, "timeout", 0, "give up after this long, such as 10m (default: never; a rollout "+
		"on which nothing moves is stuck after 15m)")
	c.Flags().BoolVarP(&r.watch, "watch", "w", true, "follow until the end; with =false one look")
	c.Flags().DurationVar(&r.options.Settle, "settle", 10*time.Second,
		"how long a pod must have been Ready without interruption")
	c.Flags().DurationVar(&r.options.Proof, "proof", time.Minute,
		"how long the longest-running pods must have run without an end")
	return c
}

// unsupported refuses the flags of kubectl that mean nothing here, and says what to give instead.
func (r *rolloutStatus) unsupported(c *cobra.Command) error {
	switch {
	case c.Flags().Changed("revision"):
		return errors.New("--revision: a rollout is followed to the newest template, whatever its number is; " +
			"leave it out")
	case c.Flags().Changed("filename") || c.Flags().Changed("kustomize"):
		return errors.New("-f and -k: files are not read here; name the DaemonSets: ds/NAME, or choose them with -l")
	}
	return nil
}

// kubectlFlags are flags of kubectl rollout status that pipelines may have: known to be refused with a reason.
func kubectlFlags(f *pflag.FlagSet) {
	f.Int64("revision", 0, "")
	f.StringArrayP("filename", "f", nil, "")
	f.StringP("kustomize", "k", "", "")
	for _, name := range []string{"revision", "filename", "kustomize"} {
		_ = f.MarkHidden(name) // they are there
	}
}

func (r *rolloutStatus) run(ctx context.Context, out io.Writer) error {
	config, namespace, err := r.cluster.connect()
	if err != nil {
		return err
	}
	clients, err := observe.NewClients(config)
	if err != nil {
		return err
	}
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.timeout, timedOut)
		defer cancel()
	}
	found, err := r.daemonSets.find(ctx, clients, namespace)
	if errors.Is(context.Cause(ctx), timedOut) {
		_, told := fmt.Fprintf(out, "gave up after %s: the API server has not answered\n", r.timeout)
		return errors.Join(told, timedOut)
	}
	if err != nil {
		return err
	}
	observer := observe.NewLenient(clients)
	defer observer.Stop()
	for _, d := range found {
		if err := r.follow(ctx, watchLive(clients, observer, rollout.TargetOf(d), r.options), out); err != nil {
			return err
		}
	}
	return nil
}

// follow tells of one rollout until it has ended.
func (r *rolloutStatus) follow(ctx context.Context, w *watcher, out io.Writer) error {
	p := &progressPrinter{out: out, width: terminalWidth(out), once: !r.watch}
	defer p.clear()
	w.waits = p.waits
	var last report.Judged
	for {
		judged, err := w.judge(ctx)
		if errors.Is(context.Cause(ctx), timedOut) {
			p.clear()
			return gaveUp(out, w, last, r.timeout)
		}
		if err != nil {
			return err
		}
		last = judged
		j := judged.Judgement
		again := p.show(j, judged.Look.Now)
		switch {
		case j.Verdict == rollout.Stuck:
			return tell(out, formatTable, report.New(judged), nil)
		case j.Verdict == rollout.Complete || !r.watch:
			printNotes(out, j)
			return nil
		}
		if j.Wake.IsZero() || !again.IsZero() && again.Before(j.Wake) {
			j.Wake = again
		}
		w.rest(ctx, j.Wake, p.width > 0)
	}
}

// gaveUp says how far a rollout got until the timeout.
func gaveUp(out io.Writer, w *watcher, last report.Judged, after time.Duration) error {
	if last.Look.DaemonSet != nil {
		_, _ = fmt.Fprintln(out)
		if err := tell(out, formatTable, report.New(last), nil); err != nil && !errors.Is(err, stuck) {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\nDaemonSet %s/%s: gave up after %s\n", w.target.Namespace, w.target.Name, after)
	return errors.Join(err, timedOut)
}

// printNotes tells what is worth knowing of a rollout that has gone well.
func printNotes(out io.Writer, j rollout.Judgement) {
	for _, n := range j.Notes {
		_, _ = fmt.Fprintf(out, "Note: %s.\n", n)
	}
}

// terminalWidth is how many columns a terminal has; 0 if it is none, or cannot move its cursor.
func terminalWidth(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// explainDaemonSets takes one look at live DaemonSets that no Sync need know.
func explainDaemonSets(ctx context.Context, k *cluster, chosen *daemonSets) ([]report.Judged, error) {
	config, namespace, err := k.connect()
	if err != nil {
		return nil, err
	}
	clients, err := observe.NewClients(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	found, err := chosen.find(ctx, clients, namespace)
	if err != nil {
		return nil, err
	}
	observer := observe.NewLenient(clients)
	defer observer.Stop()
	var watchers []*watcher
	for _, d := range found {
		watchers = append(watchers, watchLive(clients, observer, rollout.TargetOf(d), rollout.Options{}))
	}
	return judgeAll(ctx, watchers)
}

func judgeAll(ctx context.Context, watchers []*watcher) ([]report.Judged, error) {
	var judged []report.Judged
	for _, w := range watchers {
		one, err := w.judge(ctx)
		if err != nil {
			return nil, err
		}
		judged = append(judged, one)
	}
	return judged, nil
}
