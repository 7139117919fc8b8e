package screen

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
	"github.com/daemongate/daemongate/sync/view"
)

// minGrid is how many lines the nodes have at least: if that is more than there are, they scroll.
const minGrid = 5

// grid is a cell for each node of a view.
type grid struct {
	canvas
	view *view.View
	by   string // what the nodes are grouped by
}

// nodes is the cells, in so many lines if that can be done.
func (g *grid) nodes(room int) []string {
	v := g.view
	if len(v.Nodes) == 0 {
		return nil
	}
	groups := view.Groups(v.Nodes, g.by)
	legend := g.legend()
	rows := max(room-len(legend)-1, minGrid)
	if named := g.named(groups, rows); named != nil {
		return append(append([]string{g.caption(groups, 1)}, legend...), named...)
	}
	label := g.labelWidth(groups)
	width := max(g.width-label, 10)
	each, step := perCell(groups, rows, width)
	lines := append([]string{g.caption(groups, each)}, legend...)
	for i := range groups {
		lines = append(lines, g.cells(&groups[i], label, width, each, step)...)
	}
	return lines
}

// caption says what the cells are.
func (g *grid) caption(groups []view.Group, each int) string {
	text := words.Plural(len(g.view.Nodes), "node")
	if g.by != view.ByNothing {
		text += fmt.Sprintf(" by %s (%d)", line(g.by), len(groups))
	}
	if g.view.NotEligible > 0 {
		text += fmt.Sprintf(", %d others not eligible", g.view.NotEligible)
	}
	if each > 1 {
		text += fmt.Sprintf("; a cell is %d nodes, shown as the worst of them", each)
	}
	return paint("1", clip(text, g.width))
}

// legend has the classes that there are, with how many nodes each has.
func (g *grid) legend() []string {
	counts := map[rollout.NodeState]int{}
	for i := range g.view.Nodes {
		counts[g.view.Nodes[i].State]++
	}
	var lines []string
	used := 0
	b := &brush{}
	for _, state := range view.States() {
		if counts[state] == 0 {
			continue
		}
		s := view.NodeSign(state)
		text := fmt.Sprintf("%s %d %s", g.draw(s), counts[state], s.Words)
		if wide := ansi.StringWidth(text) + 3; used > 0 && used+wide > g.width {
			lines, used = append(lines, b.done()), 0
			b = &brush{}
		}
		if used > 0 {
			b.put("", "   ")
		}
		b.put(nodeColours[state], text)
		used += ansi.StringWidth(text) + 3
	}
	return append(lines, b.done())
}

// labelWidth is how wide the names of the groups are, with their counts.
func (g *grid) labelWidth(groups []view.Group) int {
	if g.by == view.ByNothing {
		return 0
	}
	wide := 0
	for i := range groups {
		wide = max(wide, ansi.StringWidth(groupLabel(&groups[i])))
	}
	return min(wide, g.width/3) + 2
}

func groupLabel(g *view.Group) string {
	name := line(g.Name)
	if name == "" {
		name = "(none)"
	}
	return fmt.Sprintf("%s %d/%d", name, g.Counts[rollout.IsSettled], len(g.Nodes))
}

// perCell is how many nodes a cell stands for, and how many columns it has, so that the groups fit.
func perCell(groups []view.Group, rows, width int) (each, step int) {
	needed := func(each, step int) int {
		lines := 0
		for i := range groups {
			cells := (len(groups[i].Nodes) + each - 1) / each
			lines += (cells*step + width - 1) / width
		}
		return lines
	}
	if needed(1, 2) <= rows {
		return 1, 2
	}
	largest := 1
	for i := range groups {
		largest = max(largest, len(groups[i].Nodes))
	}
	for each = 1; each < largest && needed(each, 1) > rows; each++ {
	}
	return each, 1
}

// cells are the nodes of a group: in a line, or in as many as they need.
func (g *grid) cells(of *view.Group, label, width, each, step int) []string {
	var lines []string
	perLine := max(width/step, 1)
	name := ""
	if label > 0 {
		name = pad(groupLabel(of), label-2) + "  "
	}
	for from := 0; from < len(of.Nodes); from += perLine * each {
		b := &brush{}
		b.WriteString(name)
		for i := from; i < min(from+perLine*each, len(of.Nodes)); i += each {
			state := worstOf(of.Nodes[i:min(i+each, len(of.Nodes))])
			b.put(nodeColours[state], g.draw(view.NodeSign(state)))
			if step > 1 {
				b.WriteString(" ")
			}
		}
		lines = append(lines, b.done())
		name = strings.Repeat(" ", label)
	}
	return lines
}

func worstOf(nodes []*view.Node) rollout.NodeState {
	state := nodes[0].State
	for i := range nodes {
		if view.Worse(nodes[i].State, state) < 0 {
			state = nodes[i].State
		}
	}
	return state
}

// named is every node with its name and the commit on it; nil if that needs more lines than there are.
func (g *grid) named(groups []view.Group, rows int) []string {
	wide := 0
	for i := range groups {
		for k := range groups[i].Nodes {
			if wide = max(wide, len(groups[i].Nodes[k].Name)); wide > 40 {
				return nil
			}
		}
	}
	column := 2 + wide + 1 + 7 + 2
	perLine := max((g.width+2)/column, 1)
	needed := 0
	for i := range groups {
		needed += (len(groups[i].Nodes) + perLine - 1) / perLine
		if g.by != view.ByNothing {
			needed++
		}
	}
	if needed > rows {
		return nil
	}
	var lines []string
	for i := range groups {
		if g.by != view.ByNothing {
			lines = append(lines, clip(groupLabel(&groups[i]), g.width))
		}
		lines = append(lines, g.namedCells(groups[i].Nodes, perLine, wide)...)
	}
	return lines
}

func (g *grid) namedCells(nodes []*view.Node, perLine, wide int) []string {
	var lines []string
	for from := 0; from < len(nodes); from += perLine {
		b := &brush{}
		for i := from; i < min(from+perLine, len(nodes)); i++ {
			b.put(nodeColours[nodes[i].State], g.draw(view.NodeSign(nodes[i].State)))
			b.put("", " "+pad(line(nodes[i].Name), wide)+" "+pad(short(nodes[i].Commit), 7)+"  ")
		}
		lines = append(lines, strings.TrimRight(b.done(), " "))
	}
	return lines
}
