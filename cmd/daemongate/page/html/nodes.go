package html

import (
	"fmt"
	"strings"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// nodeRow is a node in a table.
type nodeRow struct {
	*view.Node
	Path, Letter, Shape, Words string
	Short, Commits             string // the commit on it, and its address
	Group                      string
}

// mostTrouble is how many nodes with trouble the page of a Sync names; the table of all nodes names the others.
const mostTrouble = 50

// Trouble are the nodes that somebody has to do something about, the worst first.
func (m *model) Trouble() []nodeRow { return m.rows(view.Trouble(), mostTrouble) }

// TroubleCount is how many nodes that are, also those that are not named.
func (m *model) TroubleCount() int {
	n, counts := 0, m.counts()
	for _, state := range view.Trouble() {
		n += counts[state]
	}
	return n
}

// troubleCaption says how many nodes have trouble, and how many of them are named.
func troubleCaption(all, named int) string {
	text := fmt.Sprintf("Nodes with trouble: %d", all)
	if all > named {
		text += fmt.Sprintf(", of which %d stand here", named)
	}
	return text
}

// AllNodes are all nodes, the worst first.
func (m *model) AllNodes() []nodeRow { return m.rows(view.States(), len(m.V.Nodes)) }

// NodesPath is the address of the table of all nodes.
func (m *model) NodesPath() string { return with(m.Self, QueryGroup, m.Group, QueryShow, ShowNodes) }

func (m *model) rows(states []rollout.NodeState, most int) []nodeRow {
	var rows []nodeRow
	for _, state := range states {
		s := view.NodeSign(state)
		for i := range m.V.Nodes {
			n := &m.V.Nodes[i]
			if n.State != state || len(rows) >= most {
				continue
			}
			r := nodeRow{Node: n, Path: m.NodePath(n.Name), Letter: letterOf(state), Shape: s.Shape,
				Words: s.Words + earlyWords(n), Short: api.Short(n.Commit), Group: n.InGroup(m.nodes.By)}
			if n.Commit != "" {
				r.Commits = m.CommitPath(m.V.Namespace, m.V.Name, n.Commit)
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// Reason is what ails a node: the cause, and why.
func (r nodeRow) Reason() string {
	return strings.TrimSpace(string(r.Cause) + " " + r.Why)
}
