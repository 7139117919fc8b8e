// Package english helps to write the sentences that people read. It stands on nothing local, so that every package can
// use it.
package english

import (
	"fmt"
	"strings"
	"time"
)

// Count writes a number with its noun: "1 node", "3 nodes".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Clip cuts a text that is longer than a number of bytes, between two characters, and shows that it was cut.
func Clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// FirstFew joins the first of some texts, and says how many more there are.
func FirstFew(texts []string, most int, separator string) string {
	if len(texts) <= most {
		return strings.Join(texts, separator)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(texts[:most], separator), separator, len(texts)-most)
}

// Span is a length of time in few signs: "1h", "1h30m", "45s".
func Span(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if short, ok := strings.CutSuffix(text, zero); ok {
			text = short + zero[:1]
		}
	}
	return text
}

// Join puts a separator between two texts, if neither is empty.
func Join(head, separator, tail string) string {
	if head == "" || tail == "" {
		return head + tail
	}
	return head + separator + tail
}

// Roughly is a duration as an estimate is told.
func Roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(1, int(d/time.Second)))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
}
