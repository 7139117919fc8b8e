package html

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// letters are what the classes of nodes are in a frame, and the names of their styles.
var letters = map[rollout.NodeState]string{rollout.IsLost: "l", rollout.IsFailing: "f", rollout.IsMissing: "m",
	rollout.IsFailingBefore: "b", rollout.IsAbsent: "a", rollout.IsUpdated: "u", rollout.IsOld: "o",
	rollout.IsLate: "t", rollout.IsSettled: "s"}

// unknown is the letter of a state that has none.
const unknown = "x"

// letterOf is the letter of a class.
func letterOf(state rollout.NodeState) string {
	if l, known := letters[state]; known {
		return l
	}
	return unknown
}

// grid is a cell for each node, in groups.
type grid struct {
	By     string
	Groups []view.Group
	Order  string // the hash of the nodes in their order
	count  int
}

// noGroup is how an address says that nodes are not grouped.
const noGroup = "none"

// gridOf groups nodes as asked for: by zone if nothing is and there are zones.
func gridOf(nodes []view.Node, by string) grid {
	switch {
	case by == noGroup:
		by = view.ByNothing
	case by == "" && slices.Contains(view.Groupings(nodes), view.ByZone):
		by = view.ByZone
	}
	g := grid{By: by, Groups: view.Groups(nodes, by), count: len(nodes)}
	if len(nodes) == 0 {
		return g
	}
	h := sha256.New()
	for i := range g.Groups {
		fmt.Fprintf(h, "%q\n", g.Groups[i].Name)
		for _, n := range g.Groups[i].Nodes {
			fmt.Fprintf(h, " %q\n", n.Name)
		}
	}
	g.Order = hex.EncodeToString(h.Sum(nil)[:8])
	return g
}

// letters are the classes of the nodes in their order.
func (g *grid) letters() string {
	var b strings.Builder
	for i := range g.Groups {
		for _, n := range g.Groups[i].Nodes {
			b.WriteString(letterOf(n.State))
		}
	}
	return b.String()
}

// size is the style of the cells: the fewer there are the larger they are.
func (g *grid) size() string {
	switch {
	case g.count <= 60:
		return "large"
	case g.count <= 600:
		return "medium"
	}
	return "small"
}

// html is the grid as an element. It is written by hand: of 5,000 cells a component makes thousands of calls.
func (g *grid) html() string {
	var b strings.Builder
	b.Grow(64 * g.count)
	fmt.Fprintf(&b, `<div id="grid" class="grid %s" role="img" aria-labelledby="sentence" data-order="%s">`, g.size(),
		g.Order)
	for i := range g.Groups {
		group := &g.Groups[i]
		b.WriteString(`<div class="group">`)
		if g.By != view.ByNothing {
			fmt.Fprintf(&b, `<p>%s <span><b>%d</b>/%d</span></p>`, html.EscapeString(groupName(group)),
				group.Counts[rollout.IsSettled], len(group.Nodes))
		}
		b.WriteString(`<div class="cells">`)
		for _, n := range group.Nodes {
			b.WriteString(`<i class="` + letterOf(n.State) + `" title="` + html.EscapeString(n.Name) + `"></i>`)
		}
		b.WriteString(`</div></div>`)
	}
	b.WriteString(`</div>`)
	return b.String()
}

func groupName(g *view.Group) string {
	if g.Name == "" {
		return "(none)"
	}
	return g.Name
}

// element is the grid on the page.
func (g *grid) element() templ.Component { return templ.Raw(g.html()) }

// Sentence says what the grid shows.
func (m *model) Sentence() string {
	c := m.V.Counts
	if c.Desired == 0 && len(m.V.Nodes) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %s settled", c.Settled, english.Count(c.Desired, "node"))
	if c.Updated > c.Settled {
		text += fmt.Sprintf(", %d with a new pod", c.Updated-c.Settled)
	}
	counts := m.counts()
	for _, state := range view.Trouble() {
		if counts[state] > 0 {
			text += fmt.Sprintf(", %d %s", counts[state], view.NodeSign(state).Words)
		}
	}
	if n := early(m.V.Nodes); n > 0 {
		text += fmt.Sprintf(", %d early", n)
	}
	var codes []string
	for i := range m.V.Causes {
		if code := string(m.V.Causes[i].Code); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return english.Join(text, ": ", strings.Join(codes, ", "))
}

// Counted is the sentence that is always there, with how many nodes are not meant.
func (m *model) Counted() string {
	text := cmp.Or(m.Sentence(), "Nothing is in flight whose nodes are looked at.")
	if n := m.V.NotEligible; n > 0 {
		text += fmt.Sprintf("; %d others not eligible", n)
	}
	return text
}

// counts are the nodes by class.
func (m *model) counts() map[rollout.NodeState]int {
	counts := map[rollout.NodeState]int{}
	for i := range m.V.Nodes {
		counts[m.V.Nodes[i].State]++
	}
	return counts
}

// key is a class in the legend of the grid.
type key struct {
	Letter, Shape, Words string
	Count                int
}

// Legend has all classes, with how many nodes each has.
func (m *model) Legend() []key {
	counts := m.counts()
	var keys []key
	for _, state := range view.States() {
		if state != rollout.IsNotEligible {
			s := view.NodeSign(state)
			keys = append(keys, key{letterOf(state), s.Shape, s.Words, counts[state]})
		}
	}
	return keys
}

// choice is a grouping that can be had.
type choice struct {
	Name, Path string
	Chosen     bool
}

// mostGroupings is how many of them are offered: a cluster's nodes may have many labels.
const mostGroupings = 8

// Groupings are what the nodes can be grouped by.
func (m *model) Groupings() []choice {
	var choices []choice
	all := view.Groupings(m.V.Nodes)
	if len(all) > mostGroupings {
		all = all[:mostGroupings]
	}
	if m.nodes.By != view.ByNothing && !slices.Contains(all, m.nodes.By) {
		all = append(all, m.nodes.By)
	}
	for _, by := range all {
		name := by
		if by == view.ByNothing {
			name = noGroup
		}
		choices = append(choices, choice{name, with(m.Self, QueryGroup, name), by == m.nodes.By})
	}
	return choices
}
