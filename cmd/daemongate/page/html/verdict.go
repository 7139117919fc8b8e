package html

import (
	"fmt"
	"strings"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// Said is what a screen reader says when it changes: the state, each quarter of the nodes, and causes as they come.
// Single nodes are not announced.
func (m *model) Said() string {
	text := m.V.Namespace + "/" + m.V.Name + ": " + string(m.V.State)
	if m.V.State == "" {
		text += "no commit yet"
	}
	if m.V.Commit != "" {
		text += " " + m.V.Commit
	}
	if c := m.V.Counts; c.Desired > 0 {
		quarters := 4 * c.Settled / c.Desired
		words := [...]string{"less than a quarter", "a quarter", "half", "three quarters", "all"}
		text += ", " + words[max(0, min(quarters, 4))] + " of the nodes settled"
	}
	for i := range m.V.Causes {
		if c := &m.V.Causes[i]; c.Final {
			text += fmt.Sprintf("; %s of %s", c.Code, c.Object)
		}
	}
	if !m.Lost.Since.IsZero() {
		text += "; the API server does not answer"
	}
	return text
}

// settled goes on from how many of the nodes have settled.
func settled(v *view.View) string {
	text, c := "settled", v.Counts
	if c.Updated > c.Settled {
		text += fmt.Sprintf(", %d with a new pod", c.Updated-c.Settled)
	}
	return english.Join(text, "; ", v.Estimate.Words())
}

// ReleaseShort is the commit that a release would let pass, as people write it.
func (m *model) ReleaseShort() string { return api.Short(m.SyncData.Release) }

// releasing says what releasing the commit does.
func (d *SyncData) releasing() string {
	f := d.Sync.Status.InFlight
	switch {
	case d.Is == api.Held:
		return "Releasing it lets it start."
	case f != nil && f.RollbackOf != nil && f.RollbackOf.Commit == d.Release:
		return "It was rolled back. Releasing it has it tried again."
	case f != nil && d.Is == api.Complete && !f.Pruned:
		return "Releasing it lets it delete what it no longer asks for, also if that is much, and the commits " +
			"after it pass then."
	}
	return "Releasing it lets the commits after it pass."
}

// notes are on what the page shows.
func notes(v *view.View) []string {
	if len(v.Missing) == 0 {
		return v.Notes
	}
	return append([]string{"must not be read, so less is known: " + strings.Join(v.Missing, ", ")}, v.Notes...)
}

// cause is a cause with what the page says of it.
type cause struct {
	*view.Cause
	For string // how long it has lasted
}

// Causes are why nodes do not get on, those of a stuck object first.
func (m *model) Causes() []cause { return causesOf(m.Page, m.V.Causes) }

func causesOf(p Page, all []view.Cause) []cause {
	var list []cause
	for i := range all {
		list = append(list, cause{&all[i], p.For(all[i].Since)})
	}
	return list
}

// drift is what others changed of what the commit asks for.
type drift struct {
	Says    string
	Objects []string
}

// Drift is what is not as the commit asks; nil if nothing is.
func (m *model) Drift() *drift {
	s := m.Sync.Status.Drift
	if s == nil || s.Count == 0 {
		return nil
	}
	d := &drift{Says: fmt.Sprintf("%s not as asked, for %s", english.Count(s.Count, "object"), m.For(s.Since.Time))}
	if s.Corrections > 0 {
		d.Says += ", " + english.Count(s.Corrections, "correction") + " in a row"
	}
	if s.RetryAt != nil {
		d.Says += "; corrected again " + stamp(s.RetryAt.Time)
	}
	d.Says = english.Join(d.Says, "; ", s.Problem)
	for _, o := range s.Objects {
		d.Objects = append(d.Objects, english.Join(o.String(), ": ", o.Problem))
	}
	if more := s.Count - len(s.Objects); more > 0 && len(s.Objects) > 0 {
		d.Objects = append(d.Objects, english.Count(more, "more object"))
	}
	return d
}
