package gitsource

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// History is what lies between two commits.
type History struct {
	// Commits are the first-parent commits after Base up to and including the newer one, oldest first.
	Commits []Commit
	// Base is where they begin: the older commit, or the newest commit that both have in their history. If there is
	// none, it is empty and Commits is the newer commit alone.
	Base string
	// Rewritten says that the older commit is no first-parent ancestor of the newer one, as after a force-push.
	Rewritten bool
	// Unknown says that there is no base because the mirror does not have the older commit.
	Unknown bool
	// End is the commit at which the newer one's history ends for want of parents that the server does not have; empty
	// if there is a base, or the history ends where it began.
	End string
}

// Between returns the first-parent commits after from, up to and including to, which the mirror must have. Without from
// that is to alone.
func (r *Repository) Between(ctx context.Context, from, to string) (History, error) {
	newest, err := parseHash(to)
	var oldest plumbing.Hash
	if err == nil && from != "" {
		oldest, err = parseHash(from)
	}
	if err != nil {
		return History{}, fmt.Errorf("%s: %w", r, err)
	}
	h, err := ancestry{r.mirror}.between(ctx, oldest, newest)
	if err != nil {
		return History{}, fmt.Errorf("%s: history of %s: %w", r, to, err)
	}
	return h, nil
}

// Met returns those of some commits that are met on the way from one, which the mirror must have, along first parents:
// the newest first, the one itself among them.
func (r *Repository) Met(ctx context.Context, from string, commits []string) ([]string, error) {
	newest, err := parseHash(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	left := map[string]bool{}
	for _, c := range commits {
		left[c] = true
	}
	var met []string
	a := ancestry{r.mirror}
	err = a.along(ctx, newest, func(c *commit) (more bool) {
		if hash := c.hash.String(); left[hash] {
			met = append(met, hash)
			delete(left, hash)
		}
		return len(left) > 0
	})
	if err != nil {
		return nil, fmt.Errorf("%s: history of %s: %w", r, from, err)
	}
	return met, nil
}

// Newest returns a commit, which the mirror must have, and its first-parent ancestors, newest first, most of them at
// most.
func Newest(ctx context.Context, r *Repository, from string, most int) ([]Commit, error) {
	at, err := parseHash(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	var line []Commit
	err = ancestry{r.mirror}.along(ctx, at, func(c *commit) bool {
		line = append(line, c.summary())
		return len(line) < most
	})
	if err != nil {
		return nil, fmt.Errorf("%s: history of %s: %w", r, from, err)
	}
	return line, nil
}

// ancestry follows the parents of the mirror's commits.
type ancestry struct{ mirror *mirror }

func (a ancestry) between(ctx context.Context, from, to plumbing.Hash) (History, error) {
	tip, err := a.mirror.commit(to)
	if err != nil {
		return History{}, err
	}
	alone := History{Commits: []Commit{tip.summary()}}
	if from.IsZero() {
		return alone, nil
	}
	alone.Rewritten = true
	if _, err := a.mirror.commit(from); errors.Is(err, errAbsent) {
		alone.Unknown = true
		return alone, nil
	}
	var line []*commit // newest first
	err = a.along(ctx, to, func(c *commit) bool {
		line = append(line, c)
		return c.hash != from
	})
	if err != nil {
		return History{}, err
	}
	last := line[len(line)-1]
	if last.hash == from {
		return history(line[:len(line)-1], from, false), nil
	}
	at, err := a.branchPoint(ctx, from, line)
	if err != nil || at < 0 {
		if a.mirror.isShallow(last.hash) {
			alone.End = last.hash.String()
		}
		return alone, err
	}
	return history(line[:at], line[at].hash, true), nil
}

// history puts a line, newest first, into the order in which it came about.
func history(line []*commit, base plumbing.Hash, rewritten bool) History {
	h := History{Base: base.String(), Rewritten: rewritten}
	for _, c := range slices.Backward(line) {
		h.Commits = append(h.Commits, c.summary())
	}
	return h
}

// along follows first parents from a commit, which must be there, until it has seen enough or there are no more.
func (a ancestry) along(ctx context.Context, from plumbing.Hash, more func(*commit) bool) error {
	c, err := a.mirror.commit(from)
	if err != nil {
		return err
	}
	for more(c) && len(c.parents) > 0 && !a.mirror.isShallow(c.hash) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c, err = a.ancestor(c.parents[0]); err != nil {
			return err
		}
	}
	return nil
}

// branchPoint finds the newest commit of a line that is an ancestor of from: its place, or -1. Beyond a commit of the
// line there are only older ones of it.
func (a ancestry) branchPoint(ctx context.Context, from plumbing.Hash, line []*commit) (int, error) {
	place := make(map[plumbing.Hash]int, len(line))
	for i, c := range line {
		place[c.hash] = i
	}
	best, seen := -1, map[plumbing.Hash]bool{from: true}
	for queue := []plumbing.Hash{from}; len(queue) > 0; {
		if err := ctx.Err(); err != nil {
			return -1, err
		}
		h := queue[0]
		queue = queue[1:]
		if i, ok := place[h]; ok {
			if best < 0 || i < best {
				best = i
			}
			continue
		}
		if a.mirror.isShallow(h) {
			continue
		}
		c, err := a.ancestor(h)
		if err != nil {
			return -1, err
		}
		for _, p := range c.parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
	}
	return best, nil
}

// ancestor reads a commit that must be there, because its child is.
func (a ancestry) ancestor(h plumbing.Hash) (*commit, error) {
	c, err := a.mirror.commit(h)
	if err != nil {
		return nil, a.mirror.damaged(err)
	}
	return c, nil
}
