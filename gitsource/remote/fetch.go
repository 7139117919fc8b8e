package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Conversation is a server's ref advertisement, and the open connection on which to ask for objects once.
type Conversation struct {
	// Refs are all refs of the repository by full name, HEAD among them. A tag's is the tag object's hash.
	Refs map[string]plumbing.Hash
	// Shallow are the commits whose parents the server itself does not have.
	Shallow []plumbing.Hash
	// MaxPack is the size in bytes above which a fetch is given up, with a *PackTooLarge; any size if it is zero.
	MaxPack int64
	// Depth is how many commits of the history of each wanted one are asked for, if the server can leave out the rest;
	// all if it is zero. The haves are then commits that came so.
	Depth int

	remote       *Remote
	ctx          context.Context
	session      session
	capabilities *capability.List
}

// Read connects and reads the ref advertisement: one request. The conversation ends with the context. The error is an
// ErrEmpty if the repository has no commit.
func (r *Remote) Read(ctx context.Context) (*Conversation, error) {
	return r.open(ctx, transport.UploadPackServiceName)
}

func (r *Remote) open(ctx context.Context, service string) (*Conversation, error) {
	s, err := r.session(ctx, service)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	adv, err := s.advertisement()
	if err != nil {
		_ = s.Close() // the advertisement's error says more
		return nil, r.explain(ctx, err)
	}
	c := &Conversation{Refs: map[string]plumbing.Hash{}, Shallow: adv.Shallows, remote: r, ctx: ctx, session: s,
		capabilities: adv.Capabilities}
	for name, hash := range adv.References {
		c.Refs[name] = hash
	}
	if adv.Head != nil {
		c.Refs["HEAD"] = *adv.Head
	}
	return c, nil
}

// AnyCommit is true if the server hands out commits that no ref points at.
func (c *Conversation) AnyCommit() bool {
	return c.capabilities.Supports(capability.AllowReachableSHA1InWant) ||
		c.capabilities.Supports("allow-any-sha1-in-want")
}

// Fetch has the pack kept that the server sends: of the wanted objects and everything they need, but for what the haves
// lead to. That it ends without an error is no proof that everything came: look for it.
func (c *Conversation) Fetch(keep func(pack io.Reader) error, wants, haves []plumbing.Hash) error {
	return c.remote.explain(c.ctx, c.fetch(keep, wants, haves))
}

func (c *Conversation) fetch(keep func(io.Reader) error, wants, haves []plumbing.Hash) (err error) {
	req := packp.NewUploadPackRequestFromCapabilities(c.capabilities)
	if c.capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	req.Wants, req.Haves = wants, haves
	if c.Depth > 0 && c.capabilities.Supports(capability.Shallow) {
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
		req.Depth, req.Shallows = packp.DepthCommits(c.Depth), slices.Clone(haves)
	}
	pack, err := c.session.upload(req)
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return errNoPack
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pack.Close()) }()
	content := &bounded{demultiplexed(req.Capabilities, pack), c.MaxPack, c.MaxPack}
	if err := keep(content); err != nil {
		if c.MaxPack > 0 && content.left < 0 {
			return &PackTooLarge{c.MaxPack}
		}
		return fmt.Errorf("the pack that the server sent: %w", err)
	}
	return nil
}

// PackTooLarge is the error of a fetch of more than Max bytes.
type PackTooLarge struct{ Max int64 }

func (e *PackTooLarge) Error() string {
	return fmt.Sprintf("the server sends more than %d MiB, and no more is allowed (option --mirror-max-pack): allow "+
		"more, or name a smaller repository", e.Max>>20)
}

// bounded ends a stream that is longer than allowed; any length is if max is zero.
type bounded struct {
	io.Reader
	max, left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.max > 0 && b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.Reader.Read(p)
	b.left -= int64(n)
	return n, err
}

func demultiplexed(agreed *capability.List, pack io.Reader) io.Reader {
	switch {
	case agreed.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, pack)
	case agreed.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, pack)
	}
	return pack
}

// Close ends the conversation.
func (c *Conversation) Close() error { return c.session.Close() }
