package view

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Words say what became of a commit, in the words of its state.
func (c *Commit) Words() string {
	text := string(c.State)
	if c.By != "" {
		text += fmt.Sprintf(" by %s (%s)", api.Short(c.By), c.Outcome)
	}
	if c.Relapsed {
		text += ", relapsed"
	}
	if c.InPlaceOf != "" {
		text += ", in the place of " + api.Short(c.InPlaceOf)
	}
	return text
}

// Title is what a cause is, where, and whether it is only the present reason.
func (c *Cause) Title() string {
	text := string(c.Code)
	if c.NodeCount > 0 {
		text += " on " + nodeNames(c.Nodes, c.NodeCount)
	}
	if c.Object != "" {
		text += " of " + c.Object
	}
	if !c.Final {
		text += ", which may pass"
	}
	return text
}

// nodeNames folds the names that are known of so many nodes.
func nodeNames(names []string, count int) string {
	text := words.FoldSome(names)
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Words say how fast nodes settle and how long it will take, and that nobody knows that. Of nil there are none.
func (e *Estimate) Words() string {
	if e == nil {
		return ""
	}
	left := english.Roughly(time.Duration(e.Left * float64(time.Second)))
	switch e.From {
	case FromProof:
		return left + " until they have proved themselves"
	case FromCommit:
		return fmt.Sprintf("estimate: %s left, from %s, the last complete commit", left, api.Short(e.Commit))
	}
	return fmt.Sprintf("%s/min, estimate: %s left, from %s", rate(e.PerMinute), left, e.From)
}

func rate(perMinute float64) string {
	if perMinute < 10 {
		return fmt.Sprintf("%.1f", perMinute)
	}
	return fmt.Sprintf("%.0f", perMinute)
}
