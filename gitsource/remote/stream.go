package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// stream is a conversation with a Git service at the other end of a pipe: a child process, or a command run over ssh.
// Whoever starts it sees to it that the pipe breaks when the context ends.
type stream struct {
	ctx     context.Context
	in      io.WriteCloser
	out     io.Reader
	said    *complaint   // what the service wrote to its standard error
	await   func()       // returns when all of that has come; nil if hangUp sees to it
	hangUp  func() error // ends the service, if it has not ended
	reading bool         // for reading, not for writing
}

func (s *stream) advertisement() (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	list := &listing{Reader: s.out, ctx: s.ctx}
	defer list.done()
	err := adv.Decode(list)
	switch {
	case errors.Is(err, packp.ErrEmptyInput):
		if s.await != nil {
			s.await()
		}
		_ = s.Close() // the complaint is whole then
		return nil, fmt.Errorf("%w: %s", errNoAnswer, s.said)
	case err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, err
	case s.reading && adv.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

func (s *stream) upload(req *packp.UploadPackRequest) (io.ReadCloser, error) {
	if err := req.UploadRequest.Encode(s.in); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(s.in, true); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(s.in).EncodeString("done\n"); err != nil {
		return nil, err
	}
	if err := s.in.Close(); err != nil {
		return nil, err
	}
	res := packp.NewUploadPackResponse(req)
	if err := res.Decode(io.NopCloser(s.out)); err != nil {
		return nil, err
	}
	return res, nil
}

func (s *stream) receive(req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	if err := req.Encode(s.in); err != nil {
		return nil, err
	}
	if err := s.in.Close(); err != nil {
		return nil, err
	}
	if !req.Capabilities.Supports(capability.ReportStatus) {
		return nil, nil
	}
	out := s.out
	if req.Capabilities.Supports(capability.Sideband64k) {
		out = sideband.NewDemuxer(sideband.Sideband64k, s.out)
	}
	report := packp.NewReportStatus()
	return report, report.Decode(out)
}

func (s *stream) Close() error {
	_ = s.in.Close()
	return s.hangUp()
}

// complaint keeps the beginning of what a service wrote to its standard error.
type complaint struct {
	mu   sync.Mutex
	text []byte
}

const maxComplaint = 4 << 10

func (c *complaint) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p[:min(len(p), maxComplaint-len(c.text))]...)
	return len(p), nil
}

func (c *complaint) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(string(c.text))
}
