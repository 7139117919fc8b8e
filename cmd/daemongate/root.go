package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/cmd/daemongate/hold"
	"github.com/daemongate/daemongate/cmd/daemongate/twin"
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

Flags can also be set by the environment, by a variable of their name, such as DAEMONGATE_LOG_LEVEL for --log-level, but
for those that say what one command is to do, such as --all. What is on the command line wins.

Exit codes: 0 fine, 1 error, 2 usage, 3 stuck, 4 timed out.`,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true, // conclude prints the error, once
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true // ours treats an unknown shell as misuse
	root.AddCommand(newCompletion(), newExplain(), newRender(), newDiff(), newPlan(), newVersion(),
		newRun(), newInstall(), newGet(), newStatus(), newLog(), newSync(), newRelease(), newRollout(), newSuspend(),
		newResume(), newPromote(), newPause(), newCreate(), newWatch(), newDashboard(), newUninstall(), newCheck(),
		newFleet(), hold.New(usage), newMigrate())
	if strings.HasPrefix(program, "kubectl-") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: asPlugin}
		exampleAsPlugin(root)
	}
	askVersion(root, helpOrUnknown)
	completeNames(root)
	twin.Attach(root, usage)
	return root
}

// asPlugin is what people type where the program is a plugin of kubectl.
const asPlugin = "kubectl daemongate"

// called finds the program's name where an example calls it: at the beginning of a line, after a pipe, in brackets.
var called = regexp.MustCompile(`(?m)(^ *|[|(] ?)daemongate `)

// exampleAsPlugin has the examples of a command and of those below it call the program as the user does.
func exampleAsPlugin(c *cobra.Command) {
	c.Example = called.ReplaceAllString(c.Example, "${1}"+asPlugin+" ")
	for _, below := range c.Commands() {
		exampleAsPlugin(below)
	}
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
