package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/account"
	"github.com/daemongate/daemongate/cmd/daemongate/diff"
	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	"github.com/daemongate/daemongate/cmd/daemongate/plan"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// differs is the outcome of diff --exit-code where something would change.
const differs = stuck

// diffCommand is what `diff` was asked for.
type diffCommand struct {
	cluster  cluster
	from     origin.Origin
	how      origin.Rendering
	sync     string
	asSync   bool
	exitCode bool
	pathSet  bool
}

func newDiff() *cobra.Command {
	d := &diffCommand{}
	c := &cobra.Command{
		Use:   "diff SYNC | diff URL|FOLDER [--sync SYNC] | diff COMMIT --sync SYNC",
		Short: "Print what a commit would change in the cluster, before it is applied",
		Long: `Ask the API server what an apply of a commit, a branch or a work tree would change, and print it as kubectl diff does: a
unified diff per object. It is a dry run with your own rights (patch, and create for what is not there yet), or with
--as-sync those that the Sync applies with; nothing is written. A Secret's values are not shown. What other field managers hold, and what would be pruned, is named.

With a Sync its repository, path and namespace are taken, and what it no longer asks for is shown as pruned; the
repository is read with your own credentials. With a URL or a folder the objects are compared as they are rendered, by
name; --sync compares them as that Sync would apply them, also those of a branch or a commit of its repository.

The diff goes to stdout, all else to stderr. The exit code is 0, or 1 if an object could not be compared; with
--exit-code it is 3 if something would change.`,
		Example: `  daemongate diff node-agents
  daemongate diff node-agents --ref my-branch
  daemongate diff HEAD~1 --sync node-agents
  daemongate diff . --worktree --sync node-agents --exit-code
  daemongate diff . --path clusters/prod/agents --commit HEAD~1 -n logging`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			d.from.Stdin, d.pathSet = c.InOrStdin(), c.Flags().Changed("path")
			named, err := d.from.Take(args[0], d.sync != "")
			if err != nil {
				return usage(c, err)
			}
			d.sync = cmp.Or(named, d.sync)
			if err := errors.Join(d.from.Check(), account.Needs(d.asSync, d.sync)); err != nil {
				return usage(c, err)
			}
			return d.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	d.cluster.addTo(c.Flags())
	d.how.Flags(c.Flags())
	d.from.Flags(c.Flags())
	c.Flags().StringVar(&d.sync, "sync", "", "compare as this Sync would apply it, and show what it would prune")
	c.Flags().BoolVar(&d.asSync, "as-sync", false, account.Usage)
	c.Flags().BoolVar(&d.exitCode, "exit-code", false, "exit with 3 if something would change")
	return c
}

// newestDiff is of a Sync's newest commit, with what the flags of diff say where nobody gives them.
func newestDiff(k *cluster, sync string) *diffCommand {
	d := &diffCommand{cluster: *k, sync: sync}
	defaults := pflag.NewFlagSet("diff", pflag.ContinueOnError)
	d.how.Flags(defaults)
	d.from.Flags(defaults)
	return d
}

func (d *diffCommand) run(ctx context.Context, out, notes io.Writer) error {
	config, namespace, err := d.cluster.connect()
	if err != nil {
		return err
	}
	options := manifests.Options{DefaultNamespace: namespace}
	if d.sync != "" {
		s, unread, err := d.cluster.written(ctx, d.sync)
		if err != nil {
			return err
		}
		if unread != nil {
			_, _ = fmt.Fprintf(notes, "what would be pruned is not known: %v\n", unread)
		}
		options = sync.WriteOptions(s)
		if config, err = d.ofSync(ctx, config, s, notes); err != nil {
			return err
		}
	}
	set, err := d.how.Set(ctx, &d.from, notes)
	if err != nil {
		return err
	}
	client, err := manifests.NewClient(config)
	if err != nil {
		return err
	}
	changes, problem := compare(ctx, client, set, options)
	result, err := diff.New(changes)
	if err != nil {
		return err
	}
	for _, n := range result.Notes {
		_, _ = fmt.Fprintln(notes, n)
	}
	if _, err := io.WriteString(out, result.Text); err != nil || problem != nil {
		return errors.Join(err, problem)
	}
	if d.exitCode && result.Differs() {
		return differs
	}
	return nil
}

// ofSync compares what a Sync would apply, and says how to ask what that would change.
func (d *diffCommand) ofSync(ctx context.Context, config *rest.Config, s *api.Sync,
	notes io.Writer) (*rest.Config, error) {
	applies, said, err := account.For(ctx, config, s, d.asSync)
	if err != nil {
		return nil, err
	}
	if said != "" {
		_, _ = fmt.Fprintln(notes, said)
	}
	return applies, aim(s, &d.from, &d.how, d.pathSet)
}

// aim renders what a Sync would, unless the command line says otherwise.
func aim(s *api.Sync, from *origin.Origin, how *origin.Rendering, pathSet bool) error {
	options, _, err := sync.RenderOptions(s)
	if err != nil {
		return err
	}
	how.Namespace = options.Namespace
	how.RemoteBases = how.RemoteBases || s.Spec.Render.AllowRemoteBases
	how.Strict = how.Strict || s.Spec.Render.Strict
	if !pathSet && (from.Location == "" || from.IsRoot()) && s.Spec.Source.Path != "" {
		how.Path = s.Spec.Source.Path
	}
	if from.Location != "" {
		return nil
	}
	from.Location = s.Spec.Source.URL
	if from.Ref != "" || from.Commit != "" || from.Worktree {
		return nil
	}
	from.Ref, from.Commit, err = newest(s)
	return err
}

// newPlan has the command plan connect, aim and end as the others do.
func newPlan() *cobra.Command {
	k := &cluster{}
	return plan.New(plan.Program{Flags: k.addTo, Connect: k.connect, Aim: aim, Usage: usage, Unfit: stuck,
		Unweighed: failed,
		Sync: func(ctx context.Context, name string) (*api.Sync, error) {
			s, _, err := k.written(ctx, name) // without the inventory a plan is as good: nothing is weighed by it
			return s, err
		}})
}

// newest is where a Sync's newest commit is found: by its ref, or by its hash where none of its refs is followed alone.
func newest(s *api.Sync) (ref, commit string, err error) {
	switch follows := s.Spec.Source.Ref; {
	case follows == (api.Ref{}):
		return "refs/heads/main", "", nil
	case follows.Commit != "":
		return "", follows.Commit, nil
	case follows.Name != "":
		return follows.Name, "", nil
	case follows.Branch != "":
		return "refs/heads/" + follows.Branch, "", nil
	case follows.Tag != "":
		return "refs/tags/" + follows.Tag, "", nil
	case s.Status.Head != "":
		return "", s.Status.Head, nil
	}
	return "", "", fmt.Errorf("Sync %s/%s: has not found a commit yet: choose one with --ref or --commit", s.Namespace,
		s.Name)
}

// compare asks the cluster, and returns what it knows with what it does not.
func compare(ctx context.Context, client *manifests.Client, set manifests.Set,
	o manifests.Options) (changes diff.Changes, problem error) {
	set, err := client.Resolve(ctx, set, o)
	if err != nil {
		return changes, err
	}
	changes.Merged, problem = client.Merge(ctx, set, o)
	var unread error
	changes.Prunes, changes.Kept, unread = client.Prunable(ctx, o.Inventory.Without(set), o.Owner)
	return changes, errors.Join(problem, unread)
}
