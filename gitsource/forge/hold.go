package forge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/daemongate/daemongate/gitsource/oneline"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// HoldRefs begin the names of the refs by which a person holds a commit in all clusters that follow the repository: the
// commit's hash follows, or HoldAll. Who and why stand in the commit that the ref is at.
const (
	HoldRefs = ownRefs + "_hold/"
	HoldAll  = "all"
)

// Hold is a person's word that something is not to start.
type Hold struct {
	// What is the hash of a commit, or HoldAll.
	What       string
	By, Reason string
	At         time.Time
}

// Put writes a hold into a repository, in place of an earlier one.
func (h Hold) Put(ctx context.Context, to *remote.Remote) error {
	ref := HoldRefs + h.What
	server, err := writable(ctx, to, ref)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	fresh := newEditor(nil).fresh
	tree, err := fresh.add(&object.Tree{})
	if err != nil {
		return err
	}
	who := object.Signature{Name: oneline.Of(h.By, 100), Email: "noreply@daemongate.io", When: h.At}
	commit, err := fresh.add(&object.Commit{Author: who, Committer: who, Message: oneline.Of(h.Reason, 255) + "\n",
		TreeHash: tree})
	if err != nil {
		return err
	}
	return server.Push(fresh.storage, remote.Update{Ref: ref, From: server.Refs[ref], To: commit}, fresh.hashes)
}

// ErrNoHold is the error of a hold that is to be lifted, and is not there.
var ErrNoHold = errors.New("is not held")

// Lift takes a hold out of a repository.
func Lift(ctx context.Context, to *remote.Remote, what string) error {
	server, err := to.Write(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	at := server.Refs[HoldRefs+what]
	if at.IsZero() {
		return fmt.Errorf("%s: %w; held are: %s", what, ErrNoHold, listed(server.Refs))
	}
	return server.Push(nil, remote.Update{Ref: HoldRefs + what, From: at}, nil)
}

// listed are what is held.
func listed(refs map[string]plumbing.Hash) string {
	var held []string
	for ref := range refs {
		if what, ok := strings.CutPrefix(ref, HoldRefs); ok {
			held = append(held, what)
		}
	}
	if len(held) == 0 {
		return "none"
	}
	return strings.Join(held, ", ")
}

// writable connects for writing a ref. If that is below the one that all clusters once shared, and this is still there,
// it is moved aside.
func writable(ctx context.Context, to *remote.Remote, ref string) (*remote.Conversation, error) {
	server, err := to.Write(ctx)
	if err != nil {
		return nil, err
	}
	stands := server.Refs[sharedRef]
	if stands.IsZero() || ref == sharedRef {
		return server, nil
	}
	defer server.Close() // one push is all that it takes
	if err := moveShared(ctx, to, server, stands); err != nil {
		return nil, err
	}
	return to.Write(ctx)
}
