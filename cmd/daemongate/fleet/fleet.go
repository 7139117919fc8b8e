// Package fleet is the command that shows which commit is where in a fleet of clusters, from what they have told in the
// notes of their repository. It asks no cluster.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/board"
	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Program is what the command shares with the others.
type Program struct {
	Usage func(*cobra.Command, error) error
	// Print writes a value in the format that was asked for, or what table writes.
	Print func(w io.Writer, value any, table func(io.Writer) error) error
}

// command is what `fleet` was asked for.
type command struct {
	Program
	from   origin.Origin
	choice board.Choice
	commit string
	limit  int
	all    bool
}

// New makes the command.
func New(program Program) *cobra.Command {
	f := &command{Program: program}
	c := &cobra.Command{
		Use:   "fleet [URL|FOLDER]",
		Short: "Show which commit is on which cluster, from the repository alone",
		Long: `Show which commit is where in a fleet of clusters: what became of each commit on each cluster, who is behind, and who is
stuck and why. All of it is read from the notes that the clusters write into their repository (report.provider: Notes); no
cluster is asked, and nothing is needed but the right to read the repository.

A local clone is read as it is: bring its notes up to date with git fetch origin '` + forge.NotesPrefix + `*:` +
			forge.NotesPrefix + `*'.`,
		Example: `  daemongate fleet https://git.example.com/platform/fleet.git
  daemongate fleet . --stuck
  daemongate fleet . --behind --cluster 'eu-*'
  daemongate fleet . --commit 9f3e2d1 -o json`,
		RunE: func(c *cobra.Command, args []string) error {
			f.from.Location, f.from.Stdin = ".", c.InOrStdin()
			if len(args) > 1 {
				return f.Usage(c, fmt.Errorf("want one repository, not %d", len(args)))
			}
			if len(args) == 1 {
				f.from.Location = args[0]
			}
			if f.limit < 1 {
				return f.Usage(c, errors.New("--limit: want 1 or more"))
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	f.from.LineFlags(flags)
	flags.StringVar(&f.choice.Cluster, "cluster", "", "only clusters with such a name, such as 'eu-*'")
	flags.BoolVar(&f.choice.Behind, "behind", false, "only what is behind the newest commit")
	flags.BoolVar(&f.choice.Stuck, "stuck", false, "only what is Stuck or Failed, has relapsed, or is no longer well")
	flags.StringVar(&f.commit, "commit", "", "where this commit is, by its hash or the first digits")
	flags.IntVar(&f.limit, "limit", 20, "how many of the newest commits are looked at")
	flags.BoolVar(&f.all, "all", false, "list clusters with nothing to look at, too, however many there are")
	return c
}

func (f *command) run(ctx context.Context, out, log io.Writer) error {
	b, err := f.read(ctx, log)
	if err != nil {
		return err
	}
	all := b
	if b, err = all.Choose(f.choice); err != nil {
		return fmt.Errorf("--cluster: %w", err)
	}
	if why := all.Without(f.choice); why != "" {
		_, _ = fmt.Fprintln(log, why)
	}
	now := time.Now()
	if f.commit == "" {
		return f.Print(out, b, func(w io.Writer) error {
			_, err := io.WriteString(w, b.Text(now, f.all))
			return err
		})
	}
	where, err := b.Where(f.commit)
	if err != nil {
		return fmt.Errorf("--commit: %w", err)
	}
	return f.Print(out, where, func(w io.Writer) error {
		_, err := io.WriteString(w, where.Text(now))
		return err
	})
}

// read makes the board of what stands in the repository.
func (f *command) read(ctx context.Context, log io.Writer) (*board.Board, error) {
	commits, to, err := f.from.Newest(ctx, f.limit)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	folder, err := os.MkdirTemp("", "daemongate-fleet-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	auth := func(context.Context) (remote.Auth, error) { return to.Auth(), nil }
	notes := forge.NewNotesReader(to.String(), auth, folder, remote.Reach{})
	tips, err := notes.Tips(ctx)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, c := range commits {
		hashes = append(hashes, c.Hash)
	}
	heard, err := notes.Read(ctx, tips, hashes)
	if err != nil {
		return nil, err
	}
	said, left := forge.SaidOf(heard, hashes)
	for _, err := range left {
		_, _ = fmt.Fprintln(log, "left out:", err)
	}
	b := board.New(remote.WithoutPassword(f.from.Location), commits, said, forge.ClustersOf(tips))
	if len(b.Syncs) == 0 {
		_, _ = fmt.Fprintf(log, "no cluster has told anything in %s: Syncs do with report.provider: Notes, and a "+
			"clone has it after git fetch origin '%s*:%s*'\n", to, forge.NotesPrefix, forge.NotesPrefix)
	}
	return b, nil
}
