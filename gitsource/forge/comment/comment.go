// Package comment keeps one comment up to date on a pull request: what a plan says for one Sync on one cluster.
package comment

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// Comment is what is said for one Sync on one cluster.
type Comment struct {
	// Cluster and Sync (namespace/name) tell comments apart: there is one of each pair on a pull request.
	Cluster, Sync string
	// Head is Markdown that is always shown.
	Head string
	// Blocks are Markdown as well. One that does not fit any more is left out whole, and named.
	Blocks []Block
}

// Block is a part of a comment that says something for itself, such as of one object.
type Block struct{ Name, Text string }

// Target is where a comment goes.
type Target struct {
	// Number is that of the pull request. If it is zero, it is the open one whose head Commit is.
	Number int
	Commit string
	// Forks allows comments on pull requests whose head is in another repository, or nobody can say in which one.
	Forks bool
}

// Deed is what was done about a comment.
type Deed string

// What can be done.
const (
	Made      Deed = "made"
	Edited    Deed = "edited"
	Unchanged Deed = "unchanged" // nothing was sent
	NoPull    Deed = "no pull request"
	FromFork  Deed = "from a fork" // nothing was sent
)

// Result says what was done.
type Result struct {
	Did    Deed
	Number int
	// LeftOut are the names of blocks that did not fit.
	LeftOut []string
	// ByMarker is set where the host does not tell whom the token is of: then our own comment is known by its hidden
	// marker alone. Otherwise its author is compared, too.
	ByMarker bool
}

// Post makes the comment, or edits the one that is there, or leaves it if it says the same.
func Post(ctx context.Context, h *forge.Host, at Target, c Comment) (Result, error) {
	if c.Sync == "" {
		return Result{}, errors.New("comment: it is for no Sync")
	}
	caller, err := h.Caller(ctx, "comment on pull requests of")
	if err != nil {
		return Result{}, err
	}
	p := &poster{asker: &asker{caller: caller}}
	p.forum = forumOf(p.asker)
	target, err := p.find(ctx, at)
	if err != nil {
		return Result{}, err
	}
	r := Result{Number: target.number}
	switch {
	case target.number == 0:
		r.Did = NoPull
		return r, nil
	case target.fork && !at.Forks:
		r.Did = FromFork
		return r, nil
	}
	text, left, err := c.text(caller.Place().Provider)
	if err != nil {
		return r, err
	}
	r.LeftOut = left
	r.Did, r.ByMarker, err = p.say(ctx, target.number, c.marker(caller.Place().Provider), text)
	if err != nil {
		return r, fmt.Errorf("pull request %d: %w", target.number, err)
	}
	return r, nil
}

// poster is one Post under way.
type poster struct {
	*asker
	forum forum
}

// find reads the pull request that is meant; one without a number if there is none.
func (p *poster) find(ctx context.Context, at Target) (pull, error) {
	if at.Number == 0 {
		headed, err := p.headed(ctx, at.Commit)
		if err != nil || headed == 0 {
			return pull{}, err
		}
		at.Number = headed
	}
	found, err := p.forum.pull(ctx, at.Number)
	if err != nil {
		return pull{}, fmt.Errorf("pull request %d: %w", at.Number, err)
	}
	return found, nil
}

// headed is the number of the open pull request whose head a commit is.
func (p *poster) headed(ctx context.Context, commit string) (int, error) {
	if !fullHash.MatchString(commit) {
		return 0, errors.New("comment: neither the number of a pull request nor the full hash of a commit is given")
	}
	all, err := p.forum.headed(ctx, commit)
	if err != nil {
		return 0, fmt.Errorf("pull requests of commit %s: %w", commit, err)
	}
	number := 0
	for _, one := range all {
		switch {
		case !one.open || !one.isHead(commit):
		case number != 0:
			return 0, fmt.Errorf("commit %s is the head of several pull requests, such as %d and %d: say which one is "+
				"meant", commit, number, one.number)
		default:
			number = one.number
		}
	}
	return number, nil
}

// say looks for our comment and makes or edits it.
func (p *poster) say(ctx context.Context, number int, marker, text string) (did Deed, byMarker bool, err error) {
	self, err := p.forum.self(ctx)
	if err != nil {
		return "", false, err
	}
	all, err := p.forum.comments(ctx, number)
	if err != nil {
		return "", self == "", fmt.Errorf("its comments: %w", err)
	}
	did, err = p.write(ctx, number, ours(all, self, marker), text)
	return did, self == "", err
}

// write edits the first of our comments that may be edited, or makes one. Where our comments are known by their markers
// alone somebody else may have copied one, and we may have no right to it.
func (p *poster) write(ctx context.Context, number int, own []note, text string) (Deed, error) {
	for _, n := range own {
		if same(n.body, text) {
			return Unchanged, nil
		}
		err := p.forum.edit(ctx, number, n, text)
		var no *refusal
		if errors.As(err, &no) && (no.code == http.StatusForbidden || no.code == http.StatusNotFound) {
			continue // not ours after all, or gone meanwhile
		}
		if err != nil {
			return "", fmt.Errorf("edit its comment: %w", err)
		}
		return Edited, nil
	}
	if err := p.forum.make(ctx, number, text); err != nil {
		return "", fmt.Errorf("comment on it: %w", err)
	}
	return Made, nil
}
