package screen

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// clean makes a text that others have written fit for a terminal: what would move the cursor, change colours or turn
// the direction of writing is shown as a space or left out.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == 0x1b:
			return ' '
		case !unicode.IsPrint(r): // control characters, also those of 8 bits, and what turns or joins its neighbours
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// line is such a text in one line.
func line(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// clip cuts a text that is wider than a terminal, and shows that it was cut.
func clip(text string, width int) string { return ansi.Truncate(text, max(width, 0), "…") }

// pad fills a text up to a width, and cuts it there.
func pad(text string, width int) string {
	text = clip(text, width)
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}

// wrapped is a text in lines of a width, all but the first indented like what stands before the first.
func wrapped(before, text string, width int) []string { return beside(before, line(text), width) }

// beside puts a text in lines of a width beside what stands before the first of them.
func beside(before, text string, width int) []string {
	indent := ansi.StringWidth(before)
	var lines []string
	for i, part := range broken(text, max(width-indent, 10)) {
		if i > 0 {
			before = strings.Repeat(" ", indent)
		}
		lines = append(lines, clip(before+part, width))
	}
	return lines
}

// broken breaks a text between words, and a word only if it is too wide for a line: commands are to be copied. Within a
// line gaps stay as they are, such as those of a table.
func broken(text string, width int) []string {
	lines := []string{""}
	used := 0
	for text = strings.TrimRight(text, " "); text != ""; {
		word := strings.TrimLeft(text, " ")
		gap := len(text) - len(word)
		word, _, _ = strings.Cut(word, " ")
		text = text[gap+len(word):]
		for i, piece := range strings.Split(ansi.Hardwrap(word, width, false), "\n") {
			last := &lines[len(lines)-1]
			wide := ansi.StringWidth(piece)
			switch {
			case used == 0:
				*last, used = piece, wide
			case i == 0 && used+gap+wide <= width:
				*last, used = *last+strings.Repeat(" ", gap)+piece, used+gap+wide
			default:
				lines, used = append(lines, piece), wide
			}
		}
	}
	return lines
}

// asWritten is a text of a page in lines of a width: its spaces stay where it fits. Where it does not, what stands
// before the first gap stays a column of its own, such as the word before an explanation.
func asWritten(text string, width int) []string {
	text = strings.TrimRight(clean(text), " ")
	if ansi.StringWidth(text) <= width {
		return []string{text}
	}
	indent := len(text) - len(strings.TrimLeft(text, " "))
	if gap := strings.Index(text[indent:], "  "); gap > 0 {
		before := text[:len(text)-len(strings.TrimLeft(text[indent+gap:], " "))]
		if ansi.StringWidth(before) <= width/3 {
			return beside(before, text[len(before):], width)
		}
	}
	return beside(strings.Repeat(" ", min(indent, width/2)), text[indent:], width)
}
