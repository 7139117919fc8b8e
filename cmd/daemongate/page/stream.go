package page

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
)

// A stream sends a frame a second at most, and a sign of life after so long without one, which keeps what is between it
// and the browser from taking it for dead. Who does not read in time is left.
const (
	framePause = time.Second
	heartbeat  = 15 * time.Second
	sendTime   = 20 * time.Second
)

// How many streams there are at most, and of one person.
const (
	mostStreams      = 256
	mostStreamsOfOne = 32
)

// streams counts the streams, so that there are not too many.
type streams struct {
	mu  gosync.Mutex
	all int
	of  map[string]int
}

func newStreams() *streams { return &streams{of: map[string]int{}} }

// enter counts one more, which ends with leave.
func (s *streams) enter(who string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= mostStreams || s.of[who] >= mostStreamsOfOne {
		return nil, &refusal{http.StatusServiceUnavailable, "Too many",
			"Too many pages are open and followed just now.", "Close one: each works without being followed, too."}
	}
	s.all++
	s.of[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[who]--; s.of[who] == 0 {
			delete(s.of, who)
		}
	}, nil
}

// frames are the states of a page that is open, one after the other.
type frames struct {
	next    func(context.Context) (html.Frame, error)
	changed func() <-chan struct{} // is closed when there may be another one
}

// stream sends frames until somebody goes away, or may not see them any more.
func (p *Page) stream(w http.ResponseWriter, r *http.Request, who person, f frames) error {
	leave, err := p.streams.enter(who.name())
	if err != nil {
		return err
	}
	defer leave()
	changed, lost := f.changed(), p.line.changed.next()
	frame, err := f.next(r.Context())
	if err != nil {
		return err
	}
	s := &sending{w: w, control: http.NewResponseController(w)}
	s.open()
	s.send(frame.Since(nil, cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get(html.QueryOrder))))
	for s.err == nil && pause(r.Context(), framePause) && s.wait(r.Context(), changed, lost) {
		changed, lost = f.changed(), p.line.changed.next()
		newer, err := f.next(r.Context())
		if err != nil {
			return nil // the browser comes again, and is told why
		}
		s.send(newer.Since(&frame, ""))
		frame = newer
	}
	return nil
}

// sending is a stream as it is written.
type sending struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *sending) open() {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
}

// wait returns true when something has changed, or a sign of life was due and given, and false when it is over.
func (s *sending) wait(ctx context.Context, changed, lost <-chan struct{}) bool {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	select {
	case <-changed:
	case <-lost:
	case <-ctx.Done():
		return false
	case <-timer.C:
		s.write([]byte(": still here\n\n")) // whether somebody may still see it is asked then, too
	}
	return s.err == nil
}

// send sends messages, in the words of server-sent events.
func (s *sending) send(messages []html.Message) {
	var b bytes.Buffer
	for _, m := range messages {
		if m.Event != "" {
			b.WriteString("event: " + m.Event + "\n")
		}
		if m.ID != "" {
			b.WriteString("id: " + m.ID + "\n")
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(m.Data, "\r", ""), "\n") {
			b.WriteString("data: " + line + "\n")
		}
		b.WriteString("\n")
	}
	s.write(b.Bytes())
}

func (s *sending) write(text []byte) {
	if s.err != nil {
		return
	}
	err := s.control.SetWriteDeadline(time.Now().Add(sendTime))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
		return
	}
	if _, s.err = s.w.Write(text); s.err == nil {
		s.err = s.control.Flush()
	}
}
