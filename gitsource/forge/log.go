package forge

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// Log reports to a writer, a line per status. It is safe for concurrent use.
type Log struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLog returns a reporter that writes to w.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// Report writes the statuses, in order.
func (l *Log) Report(ctx context.Context, statuses []Status) (a Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range statuses {
		if a.Trouble = ctx.Err(); a.Trouble != nil {
			return a
		}
		if _, err := fmt.Fprintf(l.w, "%.10s %s\n", s.Commit, s); err != nil {
			a.Trouble = fmt.Errorf("status log: %w", err)
			return a
		}
		a.Told = append(a.Told, s)
	}
	return a
}
