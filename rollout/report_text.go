package rollout

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// maxFolded is how many folded names are written of a list; how many more there are is said.
const maxFolded = 12

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
	return b.String()
}

func (r *DaemonSetReport) write(b *strings.Builder, now time.Time) {
	fmt.Fprintf(b, "DaemonSet %s/%s\n", r.Namespace, r.Name)
	if r.Headline != "" {
		fmt.Fprintf(b, "%s\n", r.Headline)
	}
	fmt.Fprintf(b, "\n%s\n", r.sentence())
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

// class is nodes of which the same is to be said.
type class struct {
	state NodeState
	cause Code
	why   string
}

// classes are the states in the order in which a person wants to hear of them, and what they are called.
var classes = []struct {
	state NodeState
	words string
}{
	{IsLost, "lost"}, {IsFailing, "failing"}, {IsMissing, "without a pod"}, {IsUpdated, "updated, not settled"},
	{IsOld, "old pod"}, {IsSettled, "settled"}, {IsAbsent, "absent: not ready before"},
	{IsFailingBefore, "failing before this commit"}, {IsLate, "late: joined since"}, {IsNotEligible, "not eligible"},
}

// writeNodes writes a table of the nodes by class.
func (r *DaemonSetReport) writeNodes(b *strings.Builder) {
	members := map[class][]string{}
	for _, n := range r.nodes {
		c := class{n.State, n.Cause, n.Why}
		members[c] = append(members[c], n.Name)
	}
	if len(members) == 0 {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  COUNT\tSTATE\tNODES")
	for _, known := range classes {
		for _, c := range sortedClasses(members, known.state) {
			fmt.Fprintf(t, "  %d\t%s\t%s\n", len(members[c]), c.words(known.words), foldSome(members[c]))
		}
	}
	_ = t.Flush() // to a strings.Builder
}

// sortedClasses are the classes of a state, the largest first.
func sortedClasses(members map[class][]string, state NodeState) []class {
	var some []class
	for c := range members {
		if c.state == state {
			some = append(some, c)
		}
	}
	slices.SortFunc(some, func(a, b class) int {
		if d := len(members[b]) - len(members[a]); d != 0 {
			return d
		}
		return strings.Compare(string(a.cause)+a.why, string(b.cause)+b.why)
	})
	return some
}

func (c class) words(state string) string {
	for _, more := range []string{string(c.cause), c.why} {
		if more != "" {
			state += ": " + more
		}
	}
	return state
}

// foldSome folds names and leaves out what is too much to read.
func foldSome(names []string) string {
	pieces := fold(names)
	var texts []string
	written := 0
	for _, f := range pieces[:min(len(pieces), maxFolded)] {
		texts = append(texts, f.text)
		written += f.count
	}
	if len(pieces) > maxFolded {
		return fmt.Sprintf("%s and %d more", strings.Join(texts, ", "), len(names)-written)
	}
	return strings.Join(texts, ", ")
}

func (c *CauseReport) write(b *strings.Builder, now time.Time) {
	fmt.Fprintf(b, "\n%s", c.Code)
	if len(c.Nodes) > 0 {
		fmt.Fprintf(b, " on %s", foldSome(c.Nodes))
	}
	if !c.Since.IsZero() {
		fmt.Fprintf(b, ", since %s (%s)", c.Since.UTC().Format("2006-01-02 15:04:05 UTC"), duration.HumanDuration(now.Sub(c.Since)))
	}
	b.WriteString("\n")
	if c.Message != "" {
		fmt.Fprintf(b, "  seen:  %s\n", c.Message)
	}
	if c.Remedy != "" {
		fmt.Fprintf(b, "  do:    %s\n", c.Remedy)
	}
	fmt.Fprintf(b, "  more:  %s\n", c.Help)
}
