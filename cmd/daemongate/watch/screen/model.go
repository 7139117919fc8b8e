package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/sync/view"
)

// Model is what stands on the screen.
type Model struct {
	canvas

	view *view.View // nil before the first look
	// lost is since when the API server has not answered; zero while it does.
	lost time.Time
	why  string // it does not
	now  time.Time

	by     string // what the nodes are grouped by
	scroll int    // how many lines of what scrolls are above the screen
	page   *page  // what is shown instead of the rollout; nil for the rollout
	offer  Offer
	asked  Act    // what the user is asked about
	told   string // what became of the last thing that was asked for
	body   []string
	stale  bool // the body was drawn for something else
}

// page is a text that is shown instead of the rollout.
type page struct {
	title string
	text  []string
}

// New is an empty screen. ASCII has shapes that every terminal has.
func New(ascii bool) *Model { return &Model{canvas: canvas{80, 24, ascii}, stale: true} }

// Resize says how large the terminal is.
func (m *Model) Resize(width, height int) {
	m.width, m.height, m.stale = max(width, 1), max(height, 1), true
}

// See shows a view, and offers what can be asked for now.
func (m *Model) See(v *view.View, o Offer) {
	m.view, m.offer, m.now, m.stale = v, o, v.Now, true
	m.lost, m.why = time.Time{}, ""
	if m.by != view.ByNothing && !slices.Contains(view.Groupings(v.Nodes), m.by) {
		m.by = view.ByNothing
	}
}

// Lose says that the API server does not answer, since when and why. What was seen last stays.
func (m *Model) Lose(since, now time.Time, why error) {
	m.lost, m.now, m.why, m.stale = since, now, line(why.Error()), true
}

// Show shows a text instead of the rollout, until a key is pressed.
func (m *Model) Show(title, text string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	m.page, m.scroll, m.stale, m.told = &page{title: line(title), text: lines}, 0, true, ""
}

// Tell says what became of what the user asked for.
func (m *Model) Tell(text string) { m.told = line(text) }

// Frame is the whole screen: as many lines as the terminal has, none of them wider.
func (m *Model) Frame() string {
	head := m.head()
	foot := m.foot()
	room := max(m.height-len(head)-1, 1)
	body := m.bodyOf(room)
	m.scroll = max(0, min(m.scroll, len(body)-room))
	lines := append(head, body[m.scroll:min(len(body), m.scroll+room)]...)
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(m.height-1, 0)], foot)
	for i := range lines {
		lines[i] = clip(lines[i], m.width)
	}
	return strings.Join(lines, "\n")
}

// bodyOf is what scrolls, drawn anew if it has to be.
func (m *Model) bodyOf(room int) []string {
	if m.stale {
		m.body, m.stale = m.drawBody(room), false
	}
	return m.body
}

func (m *Model) drawBody(room int) []string {
	switch {
	case m.page != nil:
		var lines []string
		for _, text := range m.page.text {
			lines = append(lines, asWritten(text, m.width)...)
		}
		return lines
	case m.view == nil:
		return []string{"looking …"}
	}
	lines := append(m.causes(), m.waits()...)
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	nodes := (&grid{m.canvas, m.view, m.by}).nodes(room - len(lines))
	lines = append(lines, nodes...)
	notes := m.notes()
	if len(notes) > 0 && len(nodes) > 0 {
		lines = append(lines, "")
	}
	return append(lines, notes...)
}

// yesOrNo stands behind every question, however narrow the terminal is.
const yesOrNo = " y/n "

// foot is the last line: a question, what became of the last one, or the keys.
func (m *Model) foot() string {
	switch {
	case m.asked != (Act{}):
		return paint("7", clip(" "+m.question(), m.width-len(yesOrNo))+yesOrNo)
	case m.told != "":
		return paint("1", clip(m.told, m.width))
	case m.page != nil:
		return paint("90", clip(m.position()+"↑↓ PgUp PgDn scroll   any other key: back", m.width))
	}
	keys := "g group  n nodes  e explain  l log  d diff  s sync  r release  p suspend  ? help  q quit"
	if m.view != nil && m.view.Paced {
		keys = strings.Replace(keys, "p suspend", m.pacedKeys(), 1)
	}
	if m.view != nil && m.view.SuspendedBySpec {
		keys = strings.Replace(keys, "suspend", "resume", 1)
	}
	if len(keys) > m.width {
		keys = strings.ReplaceAll(keys, "  ", " ")
	}
	for _, least := range []string{"S suspend ", "S resume ", "d diff "} { // the help has them
		if len(keys) > m.width && m.view != nil && m.view.Paced {
			keys = strings.Replace(keys, least, "", 1)
		}
	}
	return paint("90", clip(m.position()+keys, m.width))
}

// pacedKeys are those of a paced rollout.
func (m *Model) pacedKeys() string {
	keys := "P pause  S suspend"
	if m.view.Paused != "" {
		keys = "P go on  S suspend"
	}
	if m.view.Promotion != nil {
		keys = "p promote  " + keys
	}
	return keys
}

// position is how far what scrolls is scrolled; empty if all of it is there.
func (m *Model) position() string {
	room := max(m.height-len(m.head())-1, 1)
	if len(m.body) <= room {
		return ""
	}
	last := min(len(m.body), m.scroll+room)
	return fmt.Sprintf("%d-%d/%d  ", min(m.scroll+1, last), last, len(m.body))
}
