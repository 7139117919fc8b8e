package main

import (
	"io"
	"strings"
	"sync"
)

// transcript passes on what the demo and the controller print, and remembers it.
type transcript struct {
	out io.Writer
	// wrote is called after every write.
	wrote func()

	mu   sync.Mutex
	text strings.Builder
}

// Write passes the text on.
func (t *transcript) Write(text []byte) (int, error) {
	t.mu.Lock()
	t.text.Write(text)
	n, err := t.out.Write(text)
	t.mu.Unlock()
	t.wrote()
	return n, err
}

// has reports whether a text was printed.
func (t *transcript) has(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Contains(t.text.String(), text)
}
