package html

import (
	"fmt"
	"strconv"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/view"
)

// step is one of the stages of a paced rollout, or several of them.
type step struct {
	Number      string // empty if it stands for several
	Name, Words string
	Style       string // done, now, waits or ahead
	Now         bool
}

// How many stages before the present one, and after it, stand in the row: there may be one for each node.
const (
	mostDone  = 3
	mostAhead = 5
)

// paced is what the page says of a paced rollout.
type paced struct {
	view.Pace
	// Name of the present stage, how long it has been that, and how far it is and what it waits for.
	Name, Since, Says string
}

// Paced is that; nil if the commit in flight is in no stage.
func (m *model) Paced() *paced {
	st := m.V.Stage
	if st == nil {
		return nil
	}
	return &paced{m.V.Pace, pacing.Name(st), m.For(st.Since.Time), pacing.Standing(st)}
}

// Commit is what a promotion would let go on, as people write it.
func (p *paced) Commit() string { return api.Short(p.Promotion.Commit) }

// Row is the stages in their order, with the present one among them.
func (p *paced) Row() []step {
	now, of := int(p.Stage.Index), int(p.Stage.Of)
	first, last := max(1, now-mostDone), min(of, now+mostAhead)
	var row []step
	if now == 0 {
		row = append(row, p.present())
	}
	if first > 1 {
		row = append(row, step{Words: english.Count(first-1, "stage") + " done", Style: "done"})
	}
	for i := first; i <= last; i++ {
		name, size := p.known(i)
		switch {
		case i < now && name != "" && name == p.Stage.Behind:
			row = append(row, step{Number: strconv.Itoa(i), Name: name, Words: "settles still", Style: "now"})
		case i < now:
			row = append(row, step{Number: strconv.Itoa(i), Name: name, Words: "done", Style: "done"})
		case i == now:
			row = append(row, p.present())
		default:
			row = append(row, step{Number: strconv.Itoa(i), Name: name, Words: size, Style: "ahead"})
		}
	}
	if last < of {
		row = append(row, step{Words: english.Count(of-last, "more stage"), Style: "ahead"})
	}
	return row
}

// present is the stage that the rollout is in.
func (p *paced) present() step {
	st := p.Stage
	s := step{Number: strconv.Itoa(int(st.Index)), Name: st.Name, Style: "now", Now: true,
		Words: fmt.Sprintf("%d/%d settled", st.Settled, st.Nodes)}
	switch st.WaitsFor {
	case api.StageApproval, api.StagePaused, api.StageFailing, api.StageWindow, api.StageAlerts,
		api.StageRights, api.StageHold:
		s.Style = "waits"
	case api.StageNodes, api.StageSoak, api.StageBudget, api.StageStrategy:
	}
	return s
}

// known is what the stage of a number is called and how many nodes it has, empty if that is not known.
func (p *paced) known(number int) (name, size string) {
	if number > len(p.Stages) {
		return "", ""
	}
	part := p.Stages[number-1]
	size = english.Count(part.Nodes, "node")
	if part.Overlap {
		size += ", overlaps"
	}
	return part.Name, size
}

// earlyWords say of a node that it has the commit before its stage.
func earlyWords(n *view.Node) string {
	if n.Early {
		return ", early"
	}
	return ""
}

// early is how many nodes have the commit before their stage.
func early(nodes []view.Node) int {
	n := 0
	for i := range nodes {
		if nodes[i].Early {
			n++
		}
	}
	return n
}
