package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/daemongate/daemongate/rollout/words"
)

// Text tells a person: the rollout in one line, the verdict in a sentence, the nodes by class, each cause with its
// evidence and remedy, and the commands to run next.
func (r Report) Text() string {
	var b strings.Builder
	for i := range r.DaemonSets {
		if i > 0 {
			b.WriteString("\n")
		}
		r.DaemonSets[i].write(&b, r.Now)
	}
	for i := range r.Objects {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		r.Objects[i].write(&b, r.Now)
	}
	if len(r.Waits) > 0 && b.Len() > 0 {
		b.WriteString("\n")
	}
	for _, w := range r.Waits {
		b.WriteString(w + "\n")
	}
	return b.String()
}

func (r *ObjectReport) write(b *strings.Builder, now time.Time) {
	fmt.Fprintf(b, "%s\n\n%s: %s.\n", r.Object, r.Verdict, strings.TrimSuffix(r.Headline, "."))
	for i := range r.Causes {
		r.Causes[i].write(b, now)
	}
}

func (r *DaemonSetReport) write(b *strings.Builder, now time.Time) {
	fmt.Fprintf(b, "DaemonSet %s/%s\n", r.Namespace, r.Name)
	if r.Headline != "" {
		fmt.Fprintf(b, "%s\n", r.Headline)
	}
	fmt.Fprintf(b, "\n%s\n", r.Sentence())
	r.writeNodes(b)
	for i := range r.Causes {
		r.Causes[i].write(b, now)
	}
	if len(r.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(b, "Note: %s.\n", strings.TrimSuffix(n, "."))
	}
	if commands := r.commands(); len(commands) > 0 {
		fmt.Fprintf(b, "\nNext:\n  %s\n", strings.Join(commands, "\n  "))
	}
}

// writeNodes writes a table of the nodes by class.
func (r *DaemonSetReport) writeNodes(b *strings.Builder) {
	if len(r.Nodes) == 0 {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  COUNT\tSTATE\tNODES")
	for _, c := range r.Nodes {
		fmt.Fprintf(t, "  %d\t%s\t%s\n", len(c.Nodes), c.Words(), words.FoldSome(c.Nodes))
	}
	_ = t.Flush() // to a strings.Builder
}

func (c *CauseReport) write(b *strings.Builder, now time.Time) {
	fmt.Fprintf(b, "\n%s", c.Code)
	if len(c.Nodes) > 0 {
		fmt.Fprintf(b, " on %s", words.FoldSome(c.Nodes))
	}
	if !c.Since.IsZero() {
		fmt.Fprintf(b, ", since %s (%s)", c.Since.UTC().Format("2006-01-02 15:04:05 UTC"),
			duration.HumanDuration(now.Sub(c.Since)))
	}
	b.WriteString("\n")
	if c.Message != "" {
		fmt.Fprintf(b, "  seen:  %s\n", c.Message)
	}
	if c.Remedy != "" {
		fmt.Fprintf(b, "  do:    %s\n", c.Remedy)
	}
	c.writeRelief(b)
	fmt.Fprintf(b, "  more:  %s\n", c.Help)
}
