// Package plan is the command that says whether a commit will fit every node, before it is applied. It writes nothing.
package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/account"
	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/cmd/daemongate/plan/pullrequest"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/plan"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Program is what the command shares with the others.
type Program struct {
	// Flags adds those that choose a cluster.
	Flags   func(*pflag.FlagSet)
	Connect func() (*rest.Config, string, error)
	Sync    func(ctx context.Context, name string) (*api.Sync, error)
	// Aim renders what a Sync would, unless the command line says otherwise.
	Aim   func(s *api.Sync, from *origin.Origin, how *origin.Rendering, pathSet bool) error
	Usage func(*cobra.Command, error) error
	// Unfit ends the command where something speaks against the commit, and Unweighed where a DaemonSet of it could not
	// be weighed.
	Unfit, Unweighed error
}

// command is what `plan` was asked for.
type command struct {
	Program
	from    origin.Origin
	how     origin.Rendering
	sync    string
	asSync  bool
	dumps   []string
	at      string
	format  format
	names   bool
	pull    pullrequest.Options
	pathSet bool
	stdin   io.Reader
	// namespace is where what names none goes.
	namespace string
}

// timeout is how long the look at a cluster may take.
const timeout = 3 * time.Minute

// New makes the command.
func New(program Program) *cobra.Command {
	p := &command{Program: program, format: asText}
	c := &cobra.Command{
		Use:   "plan [SYNC | URL | FOLDER | COMMIT] [--sync SYNC] [-f DUMP...]",
		Short: "Say whether a commit will fit every node, before it is applied",
		Long: `Weigh the DaemonSets of a commit, a branch or a work tree on every node: whether their pods fit beside or after the old
ones, by how much they do not, whom the scheduler would preempt for them, which nodes join and leave, how many waves the
rollout takes, what is missing (ServiceAccounts, ConfigMaps and Secrets and their keys, classes, claims), and what may go
wrong all the same. Nothing is written to the cluster.

The pod that is weighed is the one that admission makes of the new template: a dry run of creating one (needs create on
pods). Where that may not be tried the template is weighed, and the answer says so. Rights that are missing make the answer
poorer, and are named. Of Secrets only the names of their keys are looked at.

What is planned is named as for diff: a Sync, a URL or a folder; with --sync or -f also a branch or a commit of that Sync's
repository, or of the one in the working directory. Without an argument it is the working directory.

With -f the nodes and pods are those of a dump that kubectl has written, and no cluster is asked: ` + dump.Command + ` -A.

With --comment the answer is told on the pull request as well, in one comment that later plans edit; see docs/plan-ci.md.

The answer goes to stdout, all else to stderr. The exit code is 0 if it fits as far as is known, 3 if it will not fit,
cannot start or will be refused, 1 on an error or where a DaemonSet could not be weighed.`,
		Example: `  daemongate plan node-agents
  daemongate plan my-branch --sync node-agents
  daemongate plan . --worktree --sync node-agents -o markdown
  daemongate plan clusters/prod/agents -n logging
  daemongate plan . --sync node-agents --cluster production --comment
  ` + dump.Command + ` -A > dump.json && daemongate plan . -f dump.json`,
		RunE: func(c *cobra.Command, args []string) error {
			p.stdin, p.pathSet = c.InOrStdin(), c.Flags().Changed("path")
			p.from.Stdin = p.stdin
			p.namespace, _ = c.Flags().GetString("namespace")
			if err := p.take(args); err != nil {
				return p.Usage(c, err)
			}
			return p.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	p.flags(c)
	return c
}

func (p *command) flags(c *cobra.Command) {
	f := c.Flags()
	p.Flags(f)
	p.how.Flags(f)
	p.from.Flags(f)
	f.StringVar(&p.sync, "sync", "", "plan as this Sync would apply it")
	f.BoolVar(&p.asSync, "as-sync", false, account.Usage)
	f.StringArrayVarP(&p.dumps, "filename", "f", nil, "a dump instead of a cluster, or - for stdin; may be repeated")
	f.StringVar(&p.at, "at", "", "when to look at a dump, such as 2026-11-24T10:00:00Z (default: the newest that has "+
		"happened in it)")
	f.VarP(&p.format, "output", "o", "text, json, yaml or markdown")
	f.BoolVar(&p.names, "nodes", false, "name nodes, and pods on them, also in markdown")
	p.pull.Flags(f)
	// The only error is a flag that does not exist.
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{string(asText), string(asJSON),
		string(asYAML), string(asMarkdown)}, cobra.ShellCompDirectiveNoFileComp))
}

// take reads the argument: what a folder is not is a commit where the repository is known, else a Sync.
func (p *command) take(args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("accepts at most 1 argument, received %d", len(args))
	}
	if p.sync != "" && len(p.dumps) > 0 {
		return errors.New("-f and --sync: a dump is no cluster in which there are Syncs, give one of them")
	}
	if len(args) == 1 {
		named, err := p.from.Take(args[0], p.sync != "" || len(p.dumps) > 0)
		if err != nil {
			return err
		}
		p.sync = cmp.Or(named, p.sync)
	}
	if p.sync == "" && p.from.Location == "" {
		p.from.Location = "."
	}
	return errors.Join(p.from.Check(), p.pull.Check(), account.Needs(p.asSync, p.sync))
}

func (p *command) run(ctx context.Context, out, notes io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var a answer.Answer
	var err error
	if len(p.dumps) > 0 {
		a, err = p.offline(ctx, notes)
	} else {
		a, err = p.live(ctx, notes)
	}
	if err != nil {
		return err
	}
	if err := p.format.write(out, &a, p.names); err != nil {
		return err
	}
	if p.pull.Comment {
		if err := p.comment(ctx, &a, notes); err != nil {
			return err
		}
	}
	switch {
	case a.Outcome == plan.NotKnown:
		return p.Unweighed
	case !a.Outcome.Fine():
		return p.Unfit
	}
	return nil
}

// comment says on the pull request what came out.
func (p *command) comment(ctx context.Context, a *answer.Answer, notes io.Writer) error {
	server := "a dump"
	if len(p.dumps) == 0 {
		config, _, err := p.Connect()
		if err != nil {
			return err
		}
		server = config.Host
	}
	told := pullrequest.Plan{Answer: a, Names: p.names, Server: server, About: p.from.Location + " " + p.how.Path}
	return p.pull.Post(ctx, told, pullrequest.Surroundings{Env: os.Getenv, Stdin: p.stdin, Notes: notes})
}
