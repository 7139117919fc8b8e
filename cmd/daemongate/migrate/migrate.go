// Package migrate is the command that has the API server store all Syncs in the version that their definition stores
// now.
package migrate

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/storage"
	"github.com/daemongate/daemongate/sync/english"
)

const definition = "syncs.daemongate.io"

// Program is what the binary has for each of its commands.
type Program struct {
	NoArgs  cobra.PositionalArgs
	Flags   func(*pflag.FlagSet)
	Connect func() (*rest.Config, string, error)
}

// New is the command migrate.
func New(p Program) *cobra.Command {
	dryRun := false
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Store all Syncs in the version that their definition stores now",
		Long: `Store all Syncs in the version that their definition stores now, and have the definition say so, so that an older version
can be taken out of it. It is for the time after an upgrade that brought a new version of the Sync resource.

Each Sync is written back as it is. The API server stores it in the new version, and nothing if it is stored so already,
so that an interrupted migration is gone on with by running it again. A Sync that has a field that only the older
version knows is refused, because the field would be lost; then the definition is left as it is.

The controller can go on working meanwhile. You need the rights to list, get and update Syncs in all namespaces, to get
their definition, and to patch its status.`,
		Example: "  daemongate migrate --dry-run\n  daemongate migrate",
		Args:    p.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config, _, err := p.Connect()
			if err != nil {
				return err
			}
			return run(c.Context(), c.OutOrStdout(), config, dryRun)
		},
	}
	p.Flags(c.Flags())
	c.Flags().BoolVar(&dryRun, "dry-run", false,
		"ask the API server whether it would take everything, and change nothing")
	return c
}

func run(ctx context.Context, out io.Writer, config *rest.Config, dryRun bool) error {
	done, err := storage.Migrate(ctx, config, definition, storage.Options{DryRun: dryRun,
		Each: func(name string, became storage.Outcome) { _, _ = fmt.Fprintln(out, line(name, became, dryRun)) }})
	if done.Kind != "" {
		_, _ = fmt.Fprintln(out, summary(done, dryRun))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, ending(done, dryRun))
	return err
}

// line is what became of one Sync; why one was refused is in the error at the end.
func line(name string, became storage.Outcome, dryRun bool) string {
	switch {
	case became == storage.Written && dryRun:
		return name + " would be written"
	case became == storage.Already:
		return name + " is stored so already"
	case became == storage.Gone:
		return name + " was deleted meanwhile"
	case became == storage.Refused:
		return name + " was REFUSED"
	}
	return name + " was written"
}

// summary counts what became of all.
func summary(d storage.Done, dryRun bool) string {
	written := "written"
	if dryRun {
		written = "would be written"
	}
	return fmt.Sprintf("%s is stored as %s: %s %s, %d stored so already, %d refused", definition, d.Version,
		english.Count(d.Count[storage.Written], d.Kind), written, d.Count[storage.Already], d.Count[storage.Refused])
}

// ending is what the definition says in the end.
func ending(d storage.Done, dryRun bool) string {
	older := strings.Join(d.Older, ", ")
	switch {
	case !d.Trimmed:
		return "status.storedVersions of the definition names no other version: there was nothing to migrate"
	case dryRun:
		return "dry run: nothing was changed, and " + older +
			" would be taken out of status.storedVersions of the definition"
	}
	return older + " is no longer in status.storedVersions of the definition: it can be taken out of spec.versions"
}
