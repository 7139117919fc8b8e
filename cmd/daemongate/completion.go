package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/daemongate/daemongate/cmd/daemongate/twin"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// kubectlComplete is what kubectl runs to complete the command lines of a plugin.
const kubectlComplete = `#!/bin/sh
exec kubectl-daemongate __complete "$@"
`

// newCompletion prints what a shell needs to know of the commands.
func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell|kubectl",
		Short: "Print the script that makes a shell complete our command lines",
		Long: "Print the script that makes a shell complete our command lines. The one for kubectl is to stand in " +
			"the PATH, executable, as kubectl_complete-daemongate: kubectl calls it.",
		Example:   "  source <(daemongate completion bash)",
		Args:      arguments(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell", "kubectl"},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "kubectl":
				_, err := io.WriteString(w, kubectlComplete)
				return err
			default:
				return root.GenPowerShellCompletionWithDesc(w)
			}
		},
	}
}

// completionTimeout is how long somebody who has pressed the tab key waits for a cluster.
const completionTimeout = 2 * time.Second

// live is a kind of object whose names are completed.
type live struct {
	resource schema.GroupVersionResource
	prefix   string // before each name
}

var (
	liveDaemonSets = live{appsv1.SchemeGroupVersion.WithResource("daemonsets"), "ds/"}
	liveSyncs      = live{resource: api.Resource}
	liveNamespaces = live{corev1.SchemeGroupVersion.WithResource("namespaces"), ""}
)

// completeNames has the commands complete the names of what is in the cluster.
func completeNames(root *cobra.Command) {
	offers := map[string][]live{
		"explain": {liveSyncs, liveDaemonSets}, "rollout status": {liveDaemonSets}, "diff": {liveSyncs},
		"plan": {liveSyncs},
	}
	for _, name := range []string{"get", "status", "log", "sync", "release", "suspend", "resume", "promote",
		"pause", "watch", "dashboard"} {
		offers[name] = []live{liveSyncs}
	}
	completeNamespaces(root)
	for path, kinds := range offers {
		if c, rest, err := root.Find(strings.Fields(path)); err == nil && len(rest) == 0 && c != root {
			c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]cobra.Completion,
				cobra.ShellCompDirective) {
				return namesIn(c, kinds, typed, args)
			}
		}
	}
}

// completeNamespaces has every command that takes a namespace complete its name.
func completeNamespaces(c *cobra.Command) {
	for _, flag := range []string{"namespace", "namespaces"} {
		if c.Flags().Lookup(flag) != nil {
			// The only error is a flag that does not exist.
			_ = c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion,
				cobra.ShellCompDirective) {
				return namesOf(c, []live{liveNamespaces}, typed, nil), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
	for _, below := range c.Commands() {
		completeNamespaces(below)
	}
}

// namesIn offers names for the arguments of a command.
func namesIn(c *cobra.Command, kinds []live, typed string, args []string) ([]cobra.Completion,
	cobra.ShellCompDirective) {
	next := cobra.ShellCompDirectiveNoFileComp
	if c.Name() == "diff" || c.Name() == "plan" {
		next = cobra.ShellCompDirectiveDefault // a folder may be meant
	}
	return namesOf(c, kinds, typed, args), next
}

// namesOf reads the names that begin as typed. Where the cluster does not answer soon, or does not want to, there are
// none: nobody wants an error in a half-written command line.
func namesOf(c *cobra.Command, kinds []live, typed string, args []string) (names []cobra.Completion) {
	if twin.Read(c) != nil {
		return nil
	}
	k := cluster{}
	for flag, value := range map[string]*string{"kubeconfig": &k.kubeconfig, "context": &k.context,
		"namespace": &k.namespace, "as": &k.as, "as-uid": &k.asUID} {
		*value, _ = c.Flags().GetString(flag)
	}
	k.asGroups, _ = c.Flags().GetStringArray("as-group")
	config, namespace, err := k.connect()
	if err != nil {
		return nil
	}
	config.Timeout = completionTimeout
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
	defer cancel()
	for _, kind := range kinds {
		var objects dynamic.ResourceInterface = client.Resource(kind.resource)
		if kind != liveNamespaces {
			objects = client.Resource(kind.resource).Namespace(namespace)
		}
		list, err := objects.List(ctx, metav1.ListOptions{Limit: 500})
		if err != nil {
			continue
		}
		for _, o := range list.Items {
			if name := kind.prefix + o.GetName(); strings.HasPrefix(name, typed) && !slices.Contains(args, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
