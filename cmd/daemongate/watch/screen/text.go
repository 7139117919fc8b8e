package screen

import (
	"strings"
	"unicode"
)

// line is a text that others have written, made fit for one line of a terminal: what would move the cursor, change
// colours or turn the direction of writing is shown as a space or left out.
func line(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == 0x1b:
			return ' '
		case !unicode.IsPrint(r): // control characters, also those of 8 bits, and what turns or joins its neighbours
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.Join(strings.Fields(clean), " ")
}
