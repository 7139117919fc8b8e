// Package oneline makes what others wrote fit to be shown: servers, Git hosts, and whoever pushes.
package oneline

import (
	"strings"
	"unicode"
)

// Of makes one line of a text, of at most so many characters, without what could steer a terminal or turn its
// neighbours around.
func Of(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c), unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	if cut := []rune(text); len(cut) > most {
		text = string(cut[:max(0, most-1)]) + "…"
	}
	return text
}
