package html

import (
	"io"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// NodeData is what the page of a node is made of.
type NodeData struct {
	Name string
	// On are the DaemonSets of Syncs there that the user may see.
	On []OnNode
	// Known is set if the cluster is known to have the node.
	Known bool
}

// OnNode is a DaemonSet of a Sync on one node, with the causes that name the node.
type OnNode struct {
	Namespace, Sync string
	Node            view.Node // as view.OnNode tells it
	Causes          []view.Cause
}

// Node writes the page of a node.
func Node(w io.Writer, p Page, d NodeData) error {
	p.Live = false
	n := &nodePage{p, d}
	return write(w, shell{Page: p, Title: "node " + d.Name, Here: p.NodePath(d.Name)}, n.page())
}

// nodePage is what the page of a node shows.
type nodePage struct {
	Page
	NodeData
}

// onRow is a DaemonSet on the node, with what the page says of it.
type onRow struct {
	OnNode
	nodeRow
	SyncAt, CommitAt string
	Causes           []cause
}

// Rows are the DaemonSets on the node.
func (n *nodePage) Rows() []onRow {
	var rows []onRow
	for i := range n.On {
		on := &n.On[i]
		s := view.NodeSign(on.Node.State)
		r := onRow{OnNode: *on, SyncAt: n.SyncPath(on.Namespace, on.Sync), Causes: causesOf(n.Page, on.Causes),
			nodeRow: nodeRow{Node: &on.Node, Letter: letterOf(on.Node.State), Shape: s.Shape, Words: s.Words,
				Short: api.Short(on.Node.Commit)}}
		if on.Node.Commit != "" {
			r.CommitAt = n.CommitPath(on.Namespace, on.Sync, on.Node.Commit)
		}
		rows = append(rows, r)
	}
	return rows
}
