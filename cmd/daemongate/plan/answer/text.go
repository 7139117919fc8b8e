package answer

import (
	"strings"
	"unicode/utf8"
)

// columns is how wide the text is.
const columns = 80

// Text tells a person at a terminal: the outcome in the first line, then what to do, then the rest.
func (a *Answer) Text() string {
	var b strings.Builder
	write(&b, "", "", a.Headline)
	for _, r := range a.Objects {
		b.WriteString("\n" + r.Object + "\n")
		write(&b, "  ", "  ", "will be refused by "+r.By+": "+r.Why)
	}
	for i := range a.DaemonSets {
		p := &a.DaemonSets[i]
		if len(a.DaemonSets) > 1 || len(a.Objects) > 0 {
			b.WriteString("\n")
			write(&b, "", "", p.Object()+" "+p.Headline)
		}
		for _, s := range sectionsOf(p, true) {
			writeSection(&b, s)
		}
	}
	for _, s := range a.Paced.sections(true) {
		writeSection(&b, s)
	}
	if len(a.Notes) > 0 {
		writeSection(&b, section{"Not known", a.Notes})
	}
	return b.String()
}

func writeSection(b *strings.Builder, s section) {
	b.WriteString("\n" + s.title + "\n")
	for _, l := range s.lines {
		write(b, "  - ", "    ", l)
	}
}

// write breaks a text between words so that it fits the terminal. A word that is too long, such as a command, stands
// alone.
func write(b *strings.Builder, first, next, text string) {
	line := first
	for _, word := range strings.Fields(text) {
		empty := line == first || line == next
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
			b.WriteString(line + "\n")
			line, empty = next, true
		}
		if !empty {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}
