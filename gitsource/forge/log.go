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
func (l *Log) Report(ctx context.Context, statuses []Status) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range statuses {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(l.w, "%.10s %s\n", s.Commit, s); err != nil {
			return fmt.Errorf("status log: %w", err)
		}
	}
	return nil
}
