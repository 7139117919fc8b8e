package html

import (
	"fmt"

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

// WithNewPod is how many nodes have a new pod that has not settled.
func (m *model) WithNewPod() int { return m.V.Counts.Updated - m.V.Counts.Settled }

// ReleaseShort is the commit that a release would let pass, as people write it.
func (m *model) ReleaseShort() string { return api.Short(m.SyncData.Release) }

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
