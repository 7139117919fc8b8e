// Package hold is the command that holds a commit, or all of them, in every cluster that follows a repository. It
// writes into the repository, and asks no cluster.
package hold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	"github.com/daemongate/daemongate/gitsource/forge"
)

// command is what `hold` was asked for.
type command struct {
	from       origin.Origin
	commit     string
	reason, by string
	all, lift  bool
	usage      func(*cobra.Command, error) error
}

// New makes the command. usage is the error of a command line that cannot be read.
func New(usage func(*cobra.Command, error) error) *cobra.Command {
	h := &command{usage: usage}
	c := &cobra.Command{
		Use:   "hold URL|FOLDER COMMIT|--all --reason WHY",
		Short: "Hold a commit, or all, in every cluster that follows a repository",
		Long: `Hold a commit in every cluster that follows a repository: it does not start there, from the next poll of each on, until
the hold is lifted. Newer commits go on, so that a fix gets through; with --all nothing starts any more. What rolls out
already is not stopped: that is for a revert, or for daemongate pause.

The hold is a ref of the repository, ` + forge.HoldRefs + `…, which holds who and why. Nothing is asked of any cluster, and
nothing is needed but the right to push such refs. A clone is refused, since what is held there holds nobody: give
the URL of its server.`,
		Example: `  daemongate hold https://git.example.com/platform/fleet.git 9f3e2d1 --reason 'breaks DNS on arm64'
  daemongate hold git@git.example.com:platform/fleet.git --all --reason 'incident 4711'
  daemongate hold git@git.example.com:platform/fleet.git --all --lift`,
		RunE: func(c *cobra.Command, args []string) error {
			h.from.Stdin = c.InOrStdin()
			if err := h.take(args); err != nil {
				return h.usage(c, err)
			}
			return h.run(c.Context(), c.OutOrStdout())
		},
	}
	flags := c.Flags()
	h.from.LineFlags(flags)
	flags.StringVar(&h.reason, "reason", "", "why, for all who will ask")
	flags.StringVar(&h.by, "by", "", "who holds it (default: the user's name on this machine)")
	flags.BoolVar(&h.all, "all", false, "hold everything that has not started")
	flags.BoolVar(&h.lift, "lift", false, "lift the hold")
	return c
}

// take reads the arguments.
func (h *command) take(args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("want the URL of a repository, and a commit or --all")
	case h.all && len(args) > 1:
		return errors.New("--all: holds every commit, give none")
	case !h.all && len(args) != 2:
		return errors.New("want a commit after the URL, or --all")
	case !h.lift && h.reason == "":
		return errors.New("--reason: say why, for all who will ask")
	case h.lift && h.reason != "":
		return errors.New("--reason: is for holding, not for --lift")
	}
	if h.from.Location = args[0]; len(args) == 2 {
		h.commit = args[1]
	}
	return nil
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// depth is among how many of the newest commits one is looked for by the first digits of its hash.
const depth = 1000

func (h *command) run(ctx context.Context, out io.Writer) error {
	if url := h.from.ClonedFrom(ctx); url != "" {
		return fmt.Errorf("%s: is a clone, and what is held in a clone holds nobody: give the URL of the repository "+
			"that the clusters follow; this one is of %s", h.from.Location, url)
	}
	to, err := h.from.Remote()
	if err != nil {
		return err
	}
	defer to.Close()
	what, shown := forge.HoldAll, "everything"
	if !h.all {
		if what, err = h.resolve(ctx); err != nil {
			return err
		}
		shown = what
	}
	if h.lift {
		if err := forge.Lift(ctx, to, what); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s is no longer held\n", shown)
		return err
	}
	if err := (forge.Hold{What: what, By: h.who(), Reason: h.reason, At: time.Now()}).Put(ctx, to); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is held in all clusters, from their next poll on\n", shown)
	return err
}

// resolve finds a commit by the first digits of its hash.
func (h *command) resolve(ctx context.Context) (string, error) {
	if fullHash.MatchString(h.commit) {
		return h.commit, nil
	}
	commits, to, err := h.from.Newest(ctx, depth)
	if err != nil {
		return "", err
	}
	to.Close()
	return origin.Find(commits, h.commit)
}

// who is the person that holds.
func (h *command) who() string {
	if h.by != "" {
		return h.by
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody"
}
