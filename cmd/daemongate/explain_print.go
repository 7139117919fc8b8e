package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/daemongate/daemongate/rollout"
)

// printExplanation tells a person.
func printExplanation(out io.Writer, e explanation) error {
	var b strings.Builder
	for i, d := range e.DaemonSets {
		if i > 0 {
			b.WriteByte('\n')
		}
		writeExplained(&b, d, e.Time)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeExplained(b *strings.Builder, d explained, now time.Time) {
	fmt.Fprintf(b, "DaemonSet %s: %s\n", d.Name, d.Verdict)
	if d.Headline != "" {
		fmt.Fprintf(b, "  %s\n", d.Headline)
	}
	fmt.Fprintf(b, "  nodes: %d to take over, %d updated, %d settled\n", d.Desired, d.Updated, d.Settled)
	writeNodes(b, d.Nodes)
	for _, c := range d.Causes {
		writeCause(b, c, now)
	}
	for _, note := range d.Notes {
		fmt.Fprintf(b, "  note: %s\n", note)
	}
	if len(d.Missing) > 0 {
		fmt.Fprintf(b, "  the dump has no %s, so less can be said\n", strings.Join(d.Missing, ", "))
	}
}

// writeNodes writes a line per class of nodes, in the order of the classes.
func writeNodes(b *strings.Builder, nodes []rollout.Node) {
	classes := map[rollout.NodeState][]string{}
	for _, n := range nodes {
		classes[n.State] = append(classes[n.State], n.Name)
	}
	t := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	for _, state := range nodeStates {
		if names := classes[state]; len(names) > 0 {
			fmt.Fprintf(t, "    %s\t%d\t%s\n", state, len(names), rollout.FoldNames(names))
		}
	}
	_ = t.Flush() // into memory
}

// nodeStates are the classes in the order in which a person wants to hear of them.
var nodeStates = []rollout.NodeState{rollout.IsFailing, rollout.IsLost, rollout.IsMissing, rollout.IsUpdated, rollout.IsOld,
	rollout.IsAbsent, rollout.IsLate, rollout.IsFailingBefore, rollout.IsSettled, rollout.IsNotEligible}

func writeCause(b *strings.Builder, c explainedCause, now time.Time) {
	where := ""
	if len(c.Nodes) > 0 {
		where = " on " + rollout.FoldNames(c.Nodes)
	}
	since := ""
	if !c.Since.IsZero() {
		since = fmt.Sprintf(", since %s (%s)", c.Since.UTC().Format(time.RFC3339), duration.HumanDuration(now.Sub(c.Since)))
	}
	fmt.Fprintf(b, "\n  %s%s%s\n    %s\n", c.Code, where, since, c.Message)
	if c.Remedy != "" {
		fmt.Fprintf(b, "    → %s\n", c.Remedy)
	}
}
