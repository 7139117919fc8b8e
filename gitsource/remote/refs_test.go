package remote

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A server that lists more refs than anybody reads is told off before they are in memory.
func TestTooManyRefs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		out := bufio.NewWriter(w)
		defer func() { _ = out.Flush() }() // the client may have hung up
		line := func(text string) { fmt.Fprintf(out, "%04x%s", len(text)+4, text) }
		line("# service=git-upload-pack\n")
		_, _ = out.WriteString("0000")
		for i := range maxRefs + 1 {
			name := fmt.Sprintf("%040x refs/heads/%d", i+1, i)
			if i == 0 {
				name += "\x00ofs-delta"
			}
			line(name)
		}
		_, _ = out.WriteString("0000")
	}))
	defer server.Close()
	r, err := New(server.URL+"/agents.git", Auth{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), errManyRefs.Error()) {
		t.Error(err)
	}
}

// Nor are more bytes of a list read than allowed, whatever its lines are.
func TestTooLongAList(t *testing.T) {
	l := &listing{Reader: io.LimitReader(endless{}, 2*maxListed), ctx: t.Context()}
	defer l.done()
	n, err := io.Copy(io.Discard, l)
	if !errors.Is(err, errManyRefs) || n > maxListed {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := l.Read(make([]byte, 1)); !errors.Is(err, errManyRefs) {
		t.Error("it goes on:", err)
	}
	whole := &listing{Reader: bytes.NewReader([]byte("short")), ctx: t.Context()}
	if text, err := io.ReadAll(whole); err != nil || string(text) != "short" {
		t.Errorf("%q, %v", text, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
