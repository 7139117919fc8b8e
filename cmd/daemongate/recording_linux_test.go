package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/vt"
)

// cast is a file into which what stood on a terminal is written, as asciinema plays it: make recording.
var cast = flag.String("cast", "", "file to write the recording of a terminal to")

// recording is what came to a terminal, and when: asciicast, version 2 (docs.asciinema.org/manual/asciicast/v2).
type recording struct {
	width, height int
	began         time.Time
	events        []castEvent
	torn          []byte // a character of which the rest has not come
}

type castEvent struct {
	at   time.Duration
	text string
}

// take takes in what comes. A character is never torn between two events, which are JSON.
func (r *recording) take(p []byte) {
	if r.began.IsZero() {
		r.began = time.Now()
	}
	p = append(r.torn, p...)
	whole := len(p)
	for i := 1; i <= min(utf8.UTFMax-1, len(p)); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(p[len(p)-i:]) {
				whole = len(p) - i
			}
			break
		}
	}
	r.torn = bytes.Clone(p[whole:])
	r.events = append(r.events, castEvent{time.Since(r.began), string(p[:whole])})
}

// file is the recording as a player reads it.
func (r *recording) file(t testing.TB, title string) []byte {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	check(t, lines.Encode(map[string]any{"version": 2, "width": r.width, "height": r.height, "title": title,
		"idle_time_limit": 1.5, "env": map[string]string{"TERM": "xterm-256color"}}))
	for _, e := range r.events {
		check(t, lines.Encode([]any{e.at.Seconds(), "o", e.text}))
	}
	return b.Bytes()
}

// holds checks that the recording says what came, and that the terminal was left as it was found: its own screen is back,
// and its cursor is seen.
func (r *recording) holds(t testing.TB, on string) {
	t.Helper()
	screen := vt.NewEmulator(r.width, r.height)
	go func() { _, _ = io.Copy(io.Discard, screen) }() // its answers to questions are for nobody
	all := ""
	lines := strings.Split(strings.TrimSpace(string(r.file(t, "watch"))), "\n")
	for _, line := range lines[1:] {
		var event []any
		check(t, json.Unmarshal([]byte(line), &event))
		all += event[2].(string)
	}
	_, err := screen.WriteString(all)
	check(t, err)
	if played := textOf(screen); played != on {
		t.Errorf("played again there stands\n%s\nand it was\n%s", played, on)
	}
	for on, off := range map[string]string{"\x1b[?1049h": "\x1b[?1049l", "\x1b[?25l": "\x1b[?25h"} {
		if begins, ends := strings.LastIndex(all, on), strings.LastIndex(all, off); begins >= 0 && ends < begins {
			t.Errorf("the terminal is left with %q, and without %q", on, off)
		}
	}
	if !strings.Contains(all, "\x1b[?1049h") {
		t.Error("it had no screen of its own")
	}
}

// keep writes the recording where it is asked for.
func (r *recording) keep(t testing.TB, title string) {
	if *cast != "" {
		check(t, os.WriteFile(*cast, r.file(t, title), 0o600))
	}
}
