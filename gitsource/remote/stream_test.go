package remote

import (
	"errors"
	"io"
	"strings"
	"testing"
)

type nothing struct{ io.Writer }

func (nothing) Close() error { return nil }

// What a service complains of comes by another way than its answer, and may come after the end of that: it is told all
// the same.
func TestALateComplaintIsTold(t *testing.T) {
	s := &stream{ctx: t.Context(), in: nothing{}, out: strings.NewReader(""), said: new(complaint), hangUp: func() error { return nil }}
	s.await = func() { _, _ = s.said.Write([]byte("fatal: the disk is on fire\n")) }
	_, err := s.advertisement()
	if !errors.Is(err, errNoAnswer) || !strings.Contains(err.Error(), "the disk is on fire") {
		t.Error(err)
	}
}
