package remote

import (
	"context"
	"io"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// session is one conversation with a Git service. It ends with the context that it was opened with.
type session interface {
	// advertisement is what the server says first: its refs and what it is capable of.
	advertisement() (*packp.AdvRefs, error)
	// upload asks for a pack; it is to be read to its end, then closed.
	upload(*packp.UploadPackRequest) (io.ReadCloser, error)
	// receive sends ref updates with their pack; the report is nil if the server gave none.
	receive(*packp.ReferenceUpdateRequest) (*packp.ReportStatus, error)
	Close() error
}

// httpSession is a conversation over http, which go-git leads.
type httpSession struct {
	transport.Session
	ctx  context.Context
	up   transport.UploadPackSession
	down transport.ReceivePackSession
}

func (s httpSession) advertisement() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(s.ctx)
}

func (s httpSession) upload(req *packp.UploadPackRequest) (io.ReadCloser, error) {
	return s.up.UploadPack(s.ctx, req)
}

func (s httpSession) receive(req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	return s.down.ReceivePack(s.ctx, req)
}
