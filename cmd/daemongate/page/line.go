package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	gosync "sync"
	"time"
)

// line is the connection to the API server: it knows since when there has been no answer.
type line struct {
	changed bell // whether it answers

	mu    gosync.Mutex
	since time.Time // zero while it answers
	why   string
}

// wrap listens to what comes of requests.
func (l *line) wrap(next http.RoundTripper) http.RoundTripper { return listening{next, l} }

type listening struct {
	next http.RoundTripper
	line *line
}

// RoundTrip asks, and notes whether there was an answer.
func (t listening) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	switch {
	case errors.Is(err, context.Canceled) || r.Context().Err() != nil:
	case err != nil:
		t.line.lose(err.Error())
	case answer.StatusCode >= http.StatusInternalServerError:
		t.line.lose(fmt.Sprintf("%s %s: %s", r.Method, r.URL.Path, answer.Status))
	default:
		t.line.heard()
	}
	return answer, err
}

func (l *line) lose(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.IsZero() {
		l.since = time.Now()
		l.changed.ring()
	}
	l.why = why
}

func (l *line) heard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.since.IsZero() {
		l.changed.ring()
	}
	l.since, l.why = time.Time{}, ""
}

// lost says since when there has been no answer, and why; zero while there is one.
func (l *line) lost() (since time.Time, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since, l.why
}
