package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/view"
)

// short is a commit's hash as people write it.
func short(commit string) string { return line(api.Short(commit)) }

// head is what does not scroll: whose rollout, the verdict, how far it is, and the lane of commits.
func (m *Model) head() []string {
	lines := []string{m.title()}
	if !m.lost.IsZero() {
		lines = append(lines, paint("31", clip("what was seen last stands here; "+m.why, m.width)))
	}
	if m.view == nil || m.page != nil {
		return append(lines, "")
	}
	lines = append(lines, m.few(m.view.Verdict)...)
	if bar := m.bar(); bar != "" {
		lines = append(lines, bar)
	}
	lines = append(lines, m.stage()...)
	lines = append(lines, "")
	return append(append(lines, m.lane(max(3, m.height/5))...), "")
}

// few is a sentence in as many lines as there is room for above what scrolls.
func (m *Model) few(text string) []string {
	lines := wrapped("", text, m.width)
	if most := max(2, m.height/12); len(lines) > most {
		lines = append(lines[:most-1], clip(strings.Join(lines[most-1:], " "), m.width))
	}
	return lines
}

// title names the Sync, and says since when the API server has not answered.
func (m *Model) title() string {
	if m.view == nil {
		return "daemongate watch"
	}
	v := m.view
	name := paint("1", line(v.Namespace+"/"+v.Name))
	if m.page != nil {
		name += "  " + m.page.title
	} else if v.State != "" {
		state := line(fmt.Sprintf("%s %s", m.draw(view.CommitSign(v.State)), v.State))
		name += "  " + paint(commitColours[v.State], state) + " " + line(v.Commit)
	}
	right := v.Now.UTC().Format("15:04:05Z")
	if !m.lost.IsZero() {
		right = paint("7", fmt.Sprintf(" no answer since %s (%s) ", m.lost.UTC().Format("15:04:05Z"),
			duration.HumanDuration(m.now.Sub(m.lost))))
	}
	gap := m.width - ansi.StringWidth(name) - ansi.StringWidth(right)
	if gap < 2 {
		return clip(name, max(m.width-ansi.StringWidth(right)-2, 0)) + "  " + right
	}
	return name + strings.Repeat(" ", gap) + right
}

// stage is the stage that a paced rollout is in: how far it is and what it waits for.
func (m *Model) stage() []string {
	st := m.view.Stage
	if st == nil {
		return nil
	}
	lines := m.few(pacing.Said(st, m.view.Now))
	if st.WaitsFor == api.StageApproval {
		for i := range lines {
			lines[i] = paint("33", lines[i])
		}
	}
	return lines
}

// minBar is how many columns a bar has at least.
const minBar = 10

// bar is how many nodes have settled, how fast, and an estimate of the time left.
func (m *Model) bar() string {
	c := m.view.Counts
	if c.Desired == 0 {
		return ""
	}
	text, young := fmt.Sprintf(" %d/%d settled", c.Settled, c.Desired), ""
	if c.Updated > c.Settled {
		young = fmt.Sprintf(", %d with a new pod", c.Updated-c.Settled)
	}
	estimate := m.view.Estimate.Words()
	if estimate != "" {
		estimate = "; " + estimate
	}
	if ansi.StringWidth(text+young+estimate)+minBar+2 > m.width {
		young = "" // the legend has it
	}
	text += young + estimate
	cells := max(minBar, min(30, m.width-ansi.StringWidth(text)-2))
	full := cells * min(c.Settled, c.Desired) / c.Desired
	begun := cells*min(max(c.Updated, c.Settled), c.Desired)/c.Desired - full
	b := &brush{}
	b.put("", "[")
	b.put("32", strings.Repeat("#", full))
	b.put("36", strings.Repeat("=", begun))
	b.put("", strings.Repeat(".", cells-full-begun)+"]"+text)
	return clip(b.done(), m.width)
}

// lane is the commits, the newest first, in so many lines: what is in flight is always among them.
func (m *Model) lane(most int) []string {
	var lines []string
	commits := m.view.Commits
	flying := 0
	for i := range commits {
		if commits[i].InFlight {
			flying = i
			break
		}
	}
	for i := 0; i < len(commits) && len(lines) < most; i++ {
		if hidden := flying - i; i > 0 && hidden > 0 && hidden > most-len(lines)-2 {
			lines = append(lines, "  "+paint("90", english.Count(hidden, "more commit")+" before it"))
			i = flying
		}
		lines = append(lines, m.commit(&commits[i]))
	}
	return lines
}

// named is a commit's subject with its author.
func named(c *view.Commit) string {
	if c.Author == "" {
		return line(c.Subject)
	}
	return line(c.Subject) + " (" + line(c.Author) + ")"
}

// commit is one of them in a line.
func (m *Model) commit(c *view.Commit) string {
	s := view.CommitSign(c.State)
	words := line(s.Words)
	switch {
	case c.Relapsed:
		words += ", relapsed"
	case c.InPlaceOf != "":
		words += " for " + short(c.InPlaceOf)
	case c.By != "":
		words += " by " + short(c.By)
	}
	age := ""
	if !c.First.IsZero() {
		age = duration.HumanDuration(max(m.view.Now.Sub(c.First), time.Second))
	}
	on := ""
	if c.Nodes > 0 {
		on = english.Count(c.Nodes, "node")
	}
	text := fmt.Sprintf("%s %s  %s  %s  %s  %s", m.draw(s), pad(words, 18), pad(short(c.Commit), 7), pad(age, 5),
		pad(on, 10), named(c))
	return paint(commitColours[c.State], clip(text, m.width))
}
