package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// writeWorkload tells how far one workload's rollout is: in kubectl's words where they are true, and node by node.
func writeWorkload(b *strings.Builder, w api.Workload) {
	if w.Headline == "" {
		return // not looked at yet
	}
	fmt.Fprintf(b, "    %s %s/%s\n      %s\n", w.Kind, w.Namespace, w.Name, w.Headline)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, c := range w.Nodes {
		class := rollout.Class{State: rollout.NodeState(c.State), Cause: rollout.Code(c.Cause), Why: c.Why}
		_, _ = fmt.Fprintf(t, "      %d\t%s\t%s\n", c.Count, class.Words(), someOf(c.Names, c.Count))
	}
	_ = t.Flush() // to a strings.Builder
	for _, n := range w.Notes {
		fmt.Fprintf(b, "      note: %s\n", n)
	}
}

// someOf folds the names that are known of so many nodes; nothing if none is.
func someOf(names []string, count int) string {
	if len(names) == 0 {
		return ""
	}
	text := words.FoldNames(names)
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
