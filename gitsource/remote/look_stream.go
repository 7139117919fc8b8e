package remote

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// version2 is what a Git service reads in its environment, GIT_PROTOCOL, to speak version 2.
const version2 = "version=2"

// lookStream asks for the refs over ssh, or a pipe.
func (r *Remote) lookStream(ctx context.Context, prefixes []string) (refs map[string]plumbing.Hash, err error) {
	s, err := r.streamSession(ctx, transport.UploadPackServiceName, version2)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // everything that was wanted has been read
	if err := readCapabilities(s.out); err != nil {
		return nil, err
	}
	request, err := lsRefs(prefixes)
	if err != nil {
		return nil, err
	}
	if _, err := s.in.Write(request); err != nil {
		return nil, err
	}
	return readRefs(ctx, s.out)
}
