package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// run is the whole program but for its end: args begin with the program's name, and conclude turns what it returns into
// the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	root := newRoot(filepath.Base(args[0]))
	root.SetArgs(args[1:])
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

// newRoot puts the commands together. Called as kubectl-daemongate, the help says kubectl daemongate.
func newRoot(program string) *cobra.Command {
	root := &cobra.Command{
		Use:   "daemongate",
		Short: "Let the next commit through only when the DaemonSets of the last one run on every node",
		Long: `Daemongate pulls commits from Git, renders them with kustomize, applies them, and lets the next commit through only
when the DaemonSets of the last one have taken over every node, or are reported stuck: with the cause, the nodes and
the remedy.

Exit codes: 0 fine, 1 error, 2 usage, 3 stuck, 4 timed out.`,
		Args:          cobra.ArbitraryArgs,
		RunE:          helpOrUnknown,
		SilenceErrors: true, // conclude prints the error, once
		SilenceUsage:  true,
	}
	if strings.HasPrefix(program, "kubectl-") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl daemongate"}
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	b := thisBuild()
	root.Version = b.Version
	root.SetVersionTemplate(b.line())
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true // ours treats an unknown shell as misuse
	root.AddCommand(newCompletion(), newExplain(), newRender(), newDiff(), newVersion(),
		newRun(), newInstall(), newGet(), newStatus(), newLog(), newSync(), newRelease(), newRollout(), newSuspend(),
		newResume(), newCreate(), newWatch())
	return root
}

// helpOrUnknown is what the program does without a command, or with one that it does not know.
func helpOrUnknown(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	hint := ""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(", did you mean %s?", strings.Join(near, " or "))
	}
	return usage(c, fmt.Errorf("unknown command %q%s", args[0], hint))
}

// newCompletion prints what a shell needs to know of the commands.
func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print the script that makes a shell complete our command lines",
		Example:   "  source <(daemongate completion bash)",
		Args:      arguments(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			default:
				return root.GenPowerShellCompletionWithDesc(w)
			}
		},
	}
}
