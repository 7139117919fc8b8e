package treefs

import (
	"strings"
	"unicode"
)

// Printable makes a text safe to show: whoever writes a commit must not steer a terminal.
func Printable(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || !unicode.IsPrint(c) && !unicode.IsSpace(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
