package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Update moves a ref from one hash to another; from the zero hash if it is to be made, to it if it is to be deleted.
type Update struct {
	Ref      string
	From, To plumbing.Hash
}

// Refused is a server's no to an update of a ref, in its own words.
type Refused struct{ Ref, Reason string }

func (e *Refused) Error() string { return "the server refuses to update " + e.Ref + ": " + e.Reason }

// Write connects for writing and reads the refs, one request. The repository may be empty.
func (r *Remote) Write(ctx context.Context) (*Conversation, error) {
	return r.open(ctx, transport.ReceivePackServiceName)
}

// Push sends the objects, all of which the storage has and the server may lack, and moves the ref, unless it is no
// longer where the update says: then, and if the server does not want it, the error is a *Refused.
func (c *Conversation) Push(storage storer.EncodedObjectStorer, u Update, objects []plumbing.Hash) error {
	return c.remote.explain(c.ctx, c.push(storage, u, objects))
}

func (c *Conversation) push(storage storer.EncodedObjectStorer, u Update, objects []plumbing.Hash) error {
	req := packp.NewReferenceUpdateRequestFromCapabilities(c.capabilities)
	req.Commands = []*packp.Command{{Name: plumbing.ReferenceName(u.Ref), Old: u.From, New: u.To}}
	if !u.To.IsZero() { // with a deletion goes no pack
		var pack bytes.Buffer
		if _, err := packfile.NewEncoder(&pack, storage, false).Encode(objects, 0); err != nil {
			return fmt.Errorf("pack to push: %w", err)
		}
		req.Packfile = io.NopCloser(&pack)
	}
	report, err := c.session.receive(req)
	if err == nil && report == nil {
		return errors.New("the server did not say whether it took the push")
	}
	if report != nil {
		for _, status := range report.CommandStatuses {
			if status.Status != "ok" {
				return &Refused{Ref: u.Ref, Reason: status.Status}
			}
		}
	}
	if err != nil {
		return err
	}
	if report.UnpackStatus != "ok" {
		return fmt.Errorf("the server could not unpack the push: %s", report.UnpackStatus)
	}
	return nil
}
