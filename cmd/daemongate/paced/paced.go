// Package paced is the commands by which people have a say in a paced rollout.
package paced

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/view"
)

// Reach is what the commands have of the others.
type Reach struct {
	// AddFlags adds the flags that say where the cluster is; Sync reads one there.
	AddFlags func(*pflag.FlagSet)
	Sync     func(ctx context.Context, name string) (*api.Sync, *sync.Syncs, error)
	// User is who asks, as far as that can be known.
	User func(context.Context) string
}

// NewPromote lets a paced rollout go on after a stage that waits for a person.
func NewPromote(r Reach, arguments cobra.PositionalArgs) *cobra.Command {
	stage := ""
	c := &cobra.Command{
		Use:   "promote NAME",
		Short: "Let a paced rollout go on after the stage that waits for an approval",
		Long: `Let a paced rollout go on after the stage that waits for an approval (spec.rollout.pace.stages[].approve). The word is
good for this stage of this commit, once: a newer commit, and the next stage that waits, need one of their own. With
--stage nothing is promoted where another stage waits by now.`,
		Example: "  daemongate promote node-agents\n  daemongate promote node-agents --stage canary",
		Args:    arguments,
		RunE: func(c *cobra.Command, args []string) error {
			s, syncs, err := r.Sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			p, why := view.PromotionOf(s)
			if why != "" {
				return fmt.Errorf("Sync %s/%s: %s", s.Namespace, s.Name, why)
			}
			if is := s.Status.InFlight.Stage.Name; stage != "" && stage != is {
				return fmt.Errorf("Sync %s/%s: it is %s that waits for an approval, and no stage called %q: nothing "+
					"was promoted (daemongate promote %s --stage %s)", s.Namespace, s.Name, p.Stage, stage,
					s.OnCommandLine(), is)
			}
			if err := syncs.Promote(c.Context(), s.Namespace, s.Name, p.Commit, p.Index, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "promoted %s: it goes on after %s\n", api.Short(p.Commit), p.Stage)
			return err
		},
	}
	r.AddFlags(c.Flags())
	c.Flags().StringVar(&stage, "stage", "", "the name of the stage that is to be passed; refused if another one waits")
	return c
}

// NewPause has the paced rollouts of a Sync stand still.
func NewPause(r Reach, arguments cobra.PositionalArgs) *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use:   "pause NAME",
		Short: "Have a paced rollout stand still: no further pod is evicted, and judging goes on",
		Long: `Have the paced rollouts of a Sync (spec.rollout.pace) stand still: no further pod is evicted until daemongate resume.
Commits are still polled, applied and judged, so a pause also holds back the nodes of the next commit. It outlives
restarts of the controller. What stops polls and applies, too, is daemongate suspend.`,
		Example: "  daemongate pause node-agents --reason \"latency rises in eu-1a\"",
		Args:    arguments,
		RunE: func(c *cobra.Command, args []string) error {
			text, err := pause(c.Context(), r, args[0], strings.TrimSpace(reason))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), text)
			return err
		},
	}
	r.AddFlags(c.Flags())
	c.Flags().StringVar(&reason, "reason", "", "why it stands still; shown with who you say you are")
	return c
}

// pause pauses, and returns what became of it. A pause that is there already stays as it is, but for a new reason.
func pause(ctx context.Context, r Reach, name, reason string) (string, error) {
	s, syncs, err := r.Sync(ctx, name)
	if err != nil {
		return "", err
	}
	of := "Sync " + s.Namespace + "/" + s.Name
	if s.Spec.Rollout.Pace == nil {
		return "", fmt.Errorf("%s: its rollouts are not paced (spec.rollout.pace), so Kubernetes replaces the pods: "+
			"`daemongate suspend %s` stops polls and applies", of, s.OnCommandLine())
	}
	if is := pacing.PauseOf(s); is != nil && (reason == "" || reason == is.Reason) {
		return of + " was paused already: " + pacing.PauseWords(is), nil
	}
	p := api.Pause{Reason: reason, By: r.User(ctx), At: metav1.NewTime(time.Now().UTC().Truncate(time.Second))}
	if err := syncs.Pause(ctx, s.Namespace, s.Name, p); err != nil {
		return "", err
	}
	return of + " paused: no further pod is evicted until `daemongate resume " + s.OnCommandLine() + "`", nil
}
