package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	"github.com/daemongate/daemongate/manifests"
)

func newRender() *cobra.Command {
	from, how := &origin.Origin{}, &origin.Rendering{}
	c := &cobra.Command{
		Use:   "render URL|FOLDER",
		Short: "Print what a commit asks for, as YAML",
		Long: `Print the objects that a commit asks for, in the order in which they are applied, as YAML.

URL is a Git repository. A local folder that is one, or lies in its work tree, is read where it is: its newest commit
counts, and not what is changed in the work tree, unless --worktree is given. A folder that is in no Git repository is
rendered as it is. Which commit it was, and warnings, go to stderr.

An ssh URL is read with the keys of the ssh agent and the host keys of ~/.ssh/known_hosts, as git does it (~/.ssh/config is
not read); an https URL with the token in --token-file, or with what stands in the URL itself.`,
		Example: `  daemongate render https://git.example.com/platform/fleet.git --path clusters/prod/agents --ref main
  daemongate render . --path clusters/prod/agents --commit HEAD~1
  daemongate render clusters/prod/agents --worktree
  daemongate render git@git.example.com:platform/fleet.git --path clusters/prod/agents
  kubectl diff -f <(daemongate render . --path clusters/prod/agents)`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			from.Location, from.Stdin = args[0], c.InOrStdin()
			if err := from.Check(); err != nil {
				return usage(c, err)
			}
			set, err := how.Set(c.Context(), from, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return printSet(c.OutOrStdout(), set)
		},
	}
	how.Flags(c.Flags())
	from.Flags(c.Flags())
	return c
}

// printSet prints one document per object. It is whole or not at all: half a set in a pipe would be taken for one.
func printSet(out io.Writer, set manifests.Set) error {
	var b strings.Builder
	for _, o := range set.Objects() {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("%s: %w", manifests.IDOf(o), err)
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
