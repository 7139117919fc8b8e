package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	gosync "sync"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// mostOfANode is how many Syncs are looked into for the page of a node.
const mostOfANode = 50

// node shows what the Syncs that somebody may see have on a node.
func (p *Page) node(w http.ResponseWriter, r *http.Request, who person) error {
	cluster, done := p.watched.use()
	defer done()
	all, unread := cluster.all(r.Context())
	if unread != nil && len(all) == 0 {
		return unread
	}
	syncs, more, err := visible(r.Context(), who, all)
	if err != nil {
		return err
	}
	if len(syncs) > mostOfANode {
		syncs, more = syncs[:mostOfANode], true
	}
	d := html.NodeData{Name: r.PathValue("node")}
	seen, blind := p.sights(r.Context(), cluster, syncs)
	more = more || blind != nil || unread != nil
	for _, one := range seen {
		on := on(one, d.Name)
		d.On = append(d.On, on...)
		d.Known = d.Known || len(on) > 0 || has(one, d.Name)
	}
	if !d.Known && more {
		return notAllSeen(d.Name, errors.Join(blind, unread))
	}
	if !d.Known {
		return notThere("node " + d.Name + " on which a Sync runs something")
	}
	around := p.around(who)
	if more {
		around.Told = "There are more Syncs than could be looked into: the page of each shows its nodes."
	}
	return write(w, func(b *bytes.Buffer) error { return html.Node(b, around, d) })
}

// notAllSeen is said of a node that was not found although it may be there.
func notAllSeen(node string, why error) error {
	text := "No Sync that was looked into runs something on node " + node + ", but not all could be"
	if why != nil {
		text += ": " + strings.ReplaceAll(why.Error(), "\n", "; ")
	}
	return &refusal{http.StatusServiceUnavailable, "Not all was seen", text,
		"Try again, or open the page of the Sync: it shows its nodes."}
}

// sights are what is seen of Syncs, of those that can be. The error says why not of all; of a Sync that is gone
// meanwhile there is nothing to be seen.
func (p *Page) sights(ctx context.Context, cluster *watched, syncs []*api.Sync) ([]sight, error) {
	seen, blind := make([]sight, len(syncs)), make([]error, len(syncs))
	var all gosync.WaitGroup
	for i, s := range syncs {
		all.Go(func() {
			l, done, err := cluster.lookInto(s.Namespace, s.Name)
			if err != nil {
				blind[i] = err
				return
			}
			defer done()
			seen[i], err = l.first(ctx)
			if err == nil {
				err = seen[i].err
			}
			if err != nil && !isGone(err) {
				blind[i] = fmt.Errorf("Sync %s/%s: %w", s.Namespace, s.Name, err)
			}
		})
	}
	all.Wait()
	return seen, errors.Join(blind...)
}

// on is what a Sync has on a node, with the causes that name it.
func on(s sight, node string) (list []html.OnNode) {
	if !s.is {
		return nil
	}
	for _, n := range view.OnNode(s.seen, node) {
		one := html.OnNode{Namespace: s.view.Namespace, Sync: s.view.Name, Node: n}
		for i := range s.view.Causes {
			c := &s.view.Causes[i]
			for _, name := range c.Nodes {
				if name == node {
					one.Causes = append(one.Causes, *c)
				}
			}
		}
		list = append(list, one)
	}
	return list
}

// has reports whether a Sync has to do with a node.
func has(s sight, node string) bool {
	for i := range s.view.Nodes {
		if s.view.Nodes[i].Name == node {
			return true
		}
	}
	return false
}
