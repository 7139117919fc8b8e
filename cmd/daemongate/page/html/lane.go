package html

import (
	"strings"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// entry is a commit in the lane or in the history.
type entry struct {
	*view.Commit
	Short, Path, Shape string
	Style              string // of its state
	Words              string
	Age                string
	Author             string
	Title              string // its subject, or that nobody knows it
	Since              string
	Took               string
	Message            string
	Fold               string // stands for several commits
}

// Told says whose commit it is, how old, and on how many nodes.
func (e entry) Told() string {
	var told []string
	if e.Author != "" {
		told = append(told, e.Author)
	}
	if e.Age != "" {
		told = append(told, e.Age+" ago")
	}
	if e.Nodes > 0 {
		told = append(told, "on "+english.Count(e.Nodes, "node"))
	}
	return strings.Join(told, ", ")
}

// styleOf is the name of the style of a state: what is alike for a person looks alike.
func styleOf(state api.CommitState) string {
	switch state {
	case api.Held:
		return "held"
	case api.Applying, api.RollingOut:
		return "rolling"
	case api.Complete:
		return "complete"
	case api.Stuck, api.Failed:
		return "stuck"
	case "":
		return "none"
	}
	return "quiet"
}

// ToldInNotes reports whether the Sync's commits are told where the page of its fleet shows them.
func (m *model) ToldInNotes() bool {
	return m.Fleets && m.Sync.Spec.Report.Provider == api.ProviderNotes
}

// Style is the name of the style of the Sync's state.
func (m *model) Style() string { return styleOf(m.V.State) }

func (m *model) entryOf(c *view.Commit) entry {
	e := entry{Commit: c, Short: api.Short(c.Commit), Path: m.CommitPath(m.V.Namespace, m.V.Name, c.Commit),
		Shape: view.CommitSign(c.State).Shape, Style: styleOf(c.State), Words: c.Words(), Age: m.For(c.First),
		Author: c.Author, Title: c.Subject}
	if e.Title == "" {
		e.Title = "(its subject is not known)"
	}
	return e
}

// How many commits that wait, and how many others, the lane has at most.
const (
	mostHeld    = 4
	mostSettled = 6
)

// Lane is the commits, the newest first: of those that wait the newest, and what is in flight in any case.
func (m *model) Lane() []entry {
	var lane []entry
	held, others, hidden := 0, 0, 0
	fold := func() {
		if hidden > 0 {
			lane = append(lane, entry{Fold: english.Count(hidden, "more commit") + " held"})
		}
		hidden = 0
	}
	for i := range m.V.Commits {
		c := &m.V.Commits[i]
		switch {
		case c.State == api.Held && held >= mostHeld:
			hidden++
		case c.State == api.Held:
			held++
			lane = append(lane, m.entryOf(c))
		case others < mostSettled || c.InFlight:
			fold()
			others++
			lane = append(lane, m.entryOf(c))
		}
	}
	fold()
	return lane
}

// History is what became of the last commits, the newest first.
func (m *model) History() []entry {
	records := map[string]*api.Record{}
	for i := range m.Sync.Status.History {
		records[m.Sync.Status.History[i].Commit] = &m.Sync.Status.History[i]
	}
	var list []entry
	for i := range m.V.Commits {
		r := records[m.V.Commits[i].Commit]
		if r == nil {
			continue
		}
		e := m.entryOf(&m.V.Commits[i])
		e.Since, e.Message = stamp(r.Since.Time), r.Text()
		if r.State.Settled() {
			e.Took = r.Since.Sub(r.First.Time).Round(100 * time.Millisecond).String()
		}
		list = append(list, e)
	}
	return list
}
