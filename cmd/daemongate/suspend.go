package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/paced"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/sync"
	"github.com/daemongate/daemongate/sync/stop"
)

// newSuspend and newResume turn a Sync's polls, applies, prune and correction off and on (spec.suspend), or those of
// all Syncs (the stop switch).
func newSuspend() *cobra.Command {
	o := &suspension{on: true}
	c := o.command(&cobra.Command{
		Use:   "suspend NAME... | --all",
		Short: "Stop polls, applies, prune and correction; judging, the brake and reports go on",
		Long: `Stop polls, applies, prune and correction of Syncs. Judging, the pulling of brakes and reports go on, and so
does a rollout that Kubernetes has already been given: only a brake stops that.

With --all every Sync of the installation stands still within a second, whatever its namespace, also one that is made
later, until resume --all. This is the stop switch: a ConfigMap beside the Lease of the controller, which whoever may
get, create and update it turns. Each Sync says since when, by whom and why in its condition Suspended.`,
		Example: "  daemongate suspend node-agents\n" +
			"  daemongate suspend --all --reason \"the registry serves wrong images, incident 4711\"",
	})
	c.Flags().StringVar(&o.reason, "reason", "", "why all are suspended; shown with who you say you are")
	return c
}

func newResume() *cobra.Command {
	o := &suspension{}
	return o.command(&cobra.Command{
		Use:   "resume NAME... | --all",
		Short: "Let suspended Syncs, and paused rollouts, go on",
		Long: `Let suspended Syncs go on, and lift the pause of paced rollouts (daemongate pause). With --all the stop switch is
lifted that suspend --all has turned on: Syncs that were suspended or paused by their names stay so.`,
		Example: "  daemongate resume node-agents\n  daemongate resume --all",
	})
}

// newPromote and newPause are a person's word on a paced rollout.
func newPromote() *cobra.Command {
	return paced.NewPromote(pacedReach(), arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)))
}

func newPause() *cobra.Command {
	return paced.NewPause(pacedReach(), arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)))
}

func pacedReach() paced.Reach {
	k := &cluster{}
	return paced.Reach{AddFlags: k.addTo, Sync: k.sync, User: k.user}
}

// suspension is what suspend and resume are asked for.
type suspension struct {
	cluster
	on, all         bool
	reason          string
	leaseNS, leased string
}

func (o *suspension) command(c *cobra.Command) *cobra.Command {
	c.Args = func(c *cobra.Command, args []string) error {
		switch {
		case !o.all && o.reason != "":
			return usage(c, errors.New("--reason goes with --all"))
		case !o.all:
			return arguments(cobra.MatchAll(cobra.MinimumNArgs(1), ofSyncs))(c, args)
		case len(args) > 0:
			return usage(c, errors.New("name Syncs, or give --all, not both"))
		case o.namespace != "":
			return usage(c, errors.New("--all is every Sync of the installation, whatever its namespace: leave out "+
				"--namespace, or name Syncs"))
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if o.all {
			return o.turn(c.Context(), c.OutOrStdout())
		}
		return o.set(c.Context(), c.OutOrStdout(), args)
	}
	o.addTo(c.Flags())
	c.Flags().BoolVar(&o.all, "all", false, "all Syncs, of all namespaces, by the stop switch")
	c.Flags().StringVar(&o.leaseNS, "lease-namespace", install.Owner.Namespace,
		"with --all: namespace of the Lease of the controller that is meant")
	c.Flags().StringVar(&o.leased, "lease-name", leaseName, "with --all: name of that Lease")
	return c
}

// done is what has been done, as a word.
func (o *suspension) done() string {
	if o.on {
		return "suspended"
	}
	return "resumed"
}

// set suspends or resumes Syncs by their names.
func (o *suspension) set(ctx context.Context, out io.Writer, names []string) error {
	syncs, namespace, err := o.syncs()
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := o.one(ctx, syncs, namespace, name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "Sync %s/%s %s\n", namespace, name, text); err != nil {
			return err
		}
	}
	if !o.on {
		o.warnStopped(ctx, out)
	}
	return nil
}

// one suspends or resumes one Sync, and says what that has changed. Who resumes lifts a pause as well.
func (o *suspension) one(ctx context.Context, syncs *sync.Syncs, namespace, name string) (string, error) {
	changed, err := syncs.Suspend(ctx, namespace, name, o.on)
	if err != nil {
		return "", err
	}
	paused := false
	if !o.on {
		if paused, err = syncs.Unpause(ctx, namespace, name); err != nil {
			return "", err
		}
	}
	switch {
	case paused && changed:
		return o.done() + ": its suspension and its pause are lifted", nil
	case paused:
		return o.done() + ": its pause is lifted", nil
	case changed:
		return o.done(), nil
	}
	return "was " + o.done() + " already", nil
}

// turn turns the stop switch.
func (o *suspension) turn(ctx context.Context, out io.Writer) error {
	s, err := o.stopSwitch(o.leaseNS, o.leased)
	if err != nil {
		return err
	}
	now, changed, err := s.Turn(ctx, o.on, o.user(ctx), o.reason)
	switch {
	case err != nil:
		return err
	case changed && o.on:
		_, err = fmt.Fprintln(out, "all Syncs suspended, until daemongate resume --all")
	case changed:
		_, err = fmt.Fprintln(out, "all Syncs resumed, but for those that are suspended by their names")
	case o.on:
		_, err = fmt.Fprintln(out, "nothing changed: "+now.Text())
	default:
		_, err = fmt.Fprintln(out, "nothing changed: the Syncs are not suspended with suspend --all")
	}
	return err
}

// stopSwitch is the stop switch beside a Lease.
func (k *cluster) stopSwitch(namespace, lease string) (*stop.Switch, error) {
	config, _, err := k.connect()
	if err != nil {
		return nil, err
	}
	client, err := corev1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	return stop.New(client, namespace, lease), nil
}

// stopped says why all Syncs are suspended, empty if they are not. Whoever may not read the switch does not know.
func (k *cluster) stopped(ctx context.Context) (why string, known bool) {
	s, err := k.stopSwitch(install.Owner.Namespace, leaseName)
	if err != nil {
		return "", false
	}
	now, err := s.Read(ctx)
	return now.Obstacle(), err == nil
}

// warnStopped says so if all Syncs are suspended.
func (k *cluster) warnStopped(ctx context.Context, out io.Writer) {
	if text, _ := k.stopped(ctx); text != "" {
		_, _ = fmt.Fprintln(out, text+"; daemongate resume --all lifts it")
	}
}
