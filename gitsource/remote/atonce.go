package remote

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// What servers can do whose refs nobody has asked for: what every server of the last ten years can.
var (
	readable = []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.NoProgress,
		capability.Shallow}
	writable = []capability.Capability{capability.ReportStatus}
)

// ReadAtOnce is a conversation for who knows already which objects there are: a fetch is its only request, where Read
// has the server list all of its refs first. Over http each request stands for itself, and a server then hands out
// what a ref was at a moment ago; elsewhere, where the list comes anyway, ok is false. Whatever goes wrong may be
// because the server is not as it was believed to be: then Read tells.
func (r *Remote) ReadAtOnce(ctx context.Context) (c *Conversation, ok bool, err error) {
	return r.atOnce(ctx, transport.UploadPackServiceName, readable)
}

// WriteAtOnce is the same for who knows where a ref is, and moves it: the push is the only request. If the ref is
// elsewhere, the error of the push is a *Refused.
func (r *Remote) WriteAtOnce(ctx context.Context) (c *Conversation, ok bool, err error) {
	return r.atOnce(ctx, transport.ReceivePackServiceName, writable)
}

func (r *Remote) atOnce(ctx context.Context, service string, can []capability.Capability) (*Conversation, bool, error) {
	if r.http == nil {
		return nil, false, nil
	}
	s, err := r.httpSession(ctx, service)
	if err != nil {
		return nil, false, r.explain(ctx, err)
	}
	c := &Conversation{Refs: map[string]plumbing.Hash{}, remote: r, ctx: ctx, session: s,
		capabilities: capability.NewList()}
	for _, one := range can {
		if err := c.capabilities.Set(one); err != nil {
			return nil, false, err
		}
	}
	return c, true, nil
}
