package html

import (
	"bytes"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Frame is the present state of a page that is open: what changes of it, by the elements' ids, and a letter for each of
// its nodes. It is a full state, so that a page that has missed some needs only the next one.
type Frame struct {
	Fragments []Fragment
	// Letters are the classes of the nodes in the order of the grid, and Order is the hash of that order.
	Letters string
	Order   string
	// Grid is the grid of that order, for a page that has another one.
	Grid string
	// tab is the title of the page, as an element.
	tab string
	// rows are all rows in one, for a page that has others or another order.
	rows Fragment
}

// Fragment is an element with its content, which replaces the one with the same id.
type Fragment struct{ ID, HTML string }

// Message is an event of a stream. One without a name has fragments of the page in it.
type Message struct{ Event, ID, Data string }

// The events that have a name. Both are for the script of the grid.
const (
	EventOrder   = "order"   // the grid anew
	EventLetters = "letters" // the order's hash, a space, and a letter for each node
)

// Since are the messages that bring a page from one frame to this one. Before the first frame there is none: then order
// is the one that the page has. A message's id is the order that the page has after it, so that one that comes back can
// name its own.
func (f *Frame) Since(before *Frame, order string) []Message {
	var messages []Message
	if before != nil {
		order = before.Order
	}
	if f.Order != order {
		messages = append(messages, Message{EventOrder, f.Order, f.Grid})
	}
	if f.Order != "" && (before == nil || f.Order != order || f.Letters != before.Letters) {
		messages = append(messages, Message{EventLetters, f.Order, f.Order + " " + f.Letters})
	}
	if changed := f.changed(before); changed != "" {
		messages = append(messages, Message{"", f.Order, changed})
	}
	return messages
}

// changed are the fragments that are not as they were, in the words of htmx.
func (f *Frame) changed(before *Frame) string {
	was := map[string]string{}
	if before != nil {
		for _, one := range before.Fragments {
			was[one.ID] = one.HTML
		}
	}
	var b strings.Builder
	put := func(one Fragment) {
		b.WriteString(`<hx-partial hx-target="#` + one.ID + `" hx-swap="outerMorph">` + one.HTML + `</hx-partial>`)
	}
	if before == nil || f.tab != before.tab {
		b.WriteString(f.tab)
	}
	whole := f.rows.ID != "" && (before == nil || !slices.EqualFunc(f.Fragments, before.Fragments, sameID))
	if whole {
		put(f.rows)
	}
	for _, one := range f.Fragments {
		if text, known := was[one.ID]; known && text == one.HTML || whole && strings.HasPrefix(one.ID, "row-") {
			continue
		}
		put(one)
	}
	return b.String()
}

func sameID(a, b Fragment) bool { return a.ID == b.ID }

// part is an element of a page that changes, with its id.
type part struct {
	id string
	templ.Component
}

// frameOf renders parts of a page.
func frameOf(s shell, parts ...part) (f Frame, err error) {
	var b bytes.Buffer
	for _, one := range append([]part{{"", s.tab()}}, parts...) {
		b.Reset()
		if err := render(&b, one); err != nil {
			return Frame{}, err
		}
		f.Fragments = append(f.Fragments, Fragment{one.id, b.String()})
	}
	f.tab, f.Fragments = f.Fragments[0].HTML, f.Fragments[1:]
	return f, nil
}
