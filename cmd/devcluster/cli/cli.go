// Package cli is the command line of devcluster.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/cmd/devcluster/cluster"
)

// settings are what every command takes: which cluster.
type settings struct {
	name, dir string
	out, err  io.Writer
}

// Run runs the command line and returns the exit code.
func Run(args []string, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := command(&settings{out: out, err: stderr})
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 1
	}
	return 0
}

func command(s *settings) *cobra.Command {
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A Kubernetes control plane on this machine, with nodes and pods that are played",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&s.name, "name", "default", "which cluster")
	root.PersistentFlags().StringVar(&s.dir, "dir", "", "its folder (default ~/.local/state/devcluster/NAME)")
	root.AddCommand(upCommand(s), downCommand(s), infoCommand(s), kubeconfigCommand(s), createRepoCommand(s),
		versionCommand(s),
		signalCommand(s, "pause COMPONENT", "Hold a component still, as if it had hung", syscall.SIGSTOP),
		signalCommand(s, "resume COMPONENT", "Let a component that was paused go on", syscall.SIGCONT),
		restartCommand(s))
	root.AddCommand(nodeCommands(s)...)
	return root
}

// folder is where the cluster lives.
func (s *settings) folder() (cluster.Folder, error) {
	if s.dir == "" {
		return cluster.DefaultFolder(s.name)
	}
	dir, err := filepath.Abs(s.dir)
	return cluster.Folder(dir), err
}

func (s *settings) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

func (s *settings) printJSON(v any) error {
	encoder := json.NewEncoder(s.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
