package screen

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/daemongate/daemongate/rollout/words"
	"github.com/daemongate/daemongate/sync/view"
)

// causes are why nodes do not get on, each with the evidence and what to do.
func (m *Model) causes() []string {
	var lines []string
	for i := range m.view.Causes {
		c := &m.view.Causes[i]
		title := c.Title()
		if !c.Since.IsZero() {
			title += ", since " + duration.HumanDuration(m.view.Now.Sub(c.Since))
		}
		colour := "33"
		if c.Final {
			colour = "1;31"
		}
		for _, text := range wrapped("", title, m.width) {
			lines = append(lines, paint(colour, text))
		}
		if c.Message != "" {
			lines = append(lines, wrapped("  seen: ", c.Message, m.width)...)
		}
		if c.Remedy != "" {
			lines = append(lines, wrapped("  do:   ", c.Remedy, m.width)...)
		}
	}
	return lines
}

// waits are what is waited for, and the nodes with trouble by name.
func (m *Model) waits() []string {
	var lines []string
	for _, text := range m.view.Waits {
		lines = append(lines, wrapped("* ", text, m.width)...)
	}
	return append(lines, m.trouble()...)
}

// notes are what is worth knowing and nobody's trouble.
func (m *Model) notes() []string {
	var lines []string
	if len(m.view.Missing) > 0 {
		lines = append(lines, wrapped("* must not be read, so less is known: ", strings.Join(m.view.Missing, ", "),
			m.width)...)
	}
	for _, text := range m.view.Notes {
		lines = append(lines, wrapped("* note: ", text, m.width)...)
	}
	return lines
}

// trouble names the nodes that are lost, failing or without a pod.
func (m *Model) trouble() []string {
	var lines []string
	for _, state := range view.Trouble() {
		var names []string
		for i := range m.view.Nodes {
			if m.view.Nodes[i].State == state {
				names = append(names, m.view.Nodes[i].Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		s := view.NodeSign(state)
		before := fmt.Sprintf("%s %s: ", m.draw(s), s.Words)
		for _, text := range wrapped(before, words.FoldSome(names), m.width) {
			lines = append(lines, paint(nodeColours[state], text))
		}
	}
	return lines
}

// nodeTable is every node by name, the worst first.
func (m *Model) nodeTable() string {
	var b strings.Builder
	for _, state := range view.States() {
		for i := range m.view.Nodes {
			n := &m.view.Nodes[i]
			if n.State != state {
				continue
			}
			s := view.NodeSign(state)
			fmt.Fprintf(&b, "%s %s  %s  %s", m.draw(s), pad(s.Words, 14), pad(line(n.Name), min(m.width/3, 40)),
				pad(short(n.Commit), 7))
			early := ""
			if n.Early {
				early = "early"
			}
			for _, more := range []string{early, n.DaemonSet, string(n.Cause), n.Why, n.Pod} {
				if more != "" {
					b.WriteString("  " + line(more))
				}
			}
			b.WriteString("\n")
		}
	}
	if m.view.NotEligible > 0 {
		fmt.Fprintf(&b, "and %s that no DaemonSet is meant for\n", words.Plural(m.view.NotEligible, "node"))
	}
	return b.String()
}
