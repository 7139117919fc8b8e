package gitsource

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// revision is a name of a commit as people write it: a ref or a hash, and steps back from there.
type revision struct {
	base  string
	steps []step
}

// step goes to a parent, counted from 1, a number of times.
type step struct{ parent, times int }

var revisionText = regexp.MustCompile(`^([^~^:?*\[\\\s]+)((?:~\d*|\^\d*)*)$`)

var stepText = regexp.MustCompile(`[~^]\d*`)

func parseRevision(text string) (revision, error) {
	found := revisionText.FindStringSubmatch(text)
	if found == nil {
		return revision{}, fmt.Errorf("%q names no commit: give a branch, a tag or a hash, with ~N for the Nth "+
			"commit before it", text)
	}
	r := revision{base: found[1]}
	for _, s := range stepText.FindAllString(found[2], -1) {
		count := 1
		if s[1:] != "" {
			var err error
			if count, err = strconv.Atoi(s[1:]); err != nil {
				return revision{}, fmt.Errorf("%q names no commit: %s is too far", text, s)
			}
		}
		switch {
		case s[0] == '~':
			r.steps = append(r.steps, step{parent: 1, times: count})
		case count > 0: // ^0 is the commit itself
			r.steps = append(r.steps, step{parent: count, times: 1})
		}
	}
	return r, nil
}

// Resolve asks the server for the commit that a revision names: a branch or else a tag, HEAD, a full ref name, a hash
// or its first digits, each with steps back from there such as ~2. What is no ref and no full hash is looked for in the
// history of HEAD.
func (r *Repository) Resolve(ctx context.Context, text string) (string, error) {
	revision, err := parseRevision(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", r, err)
	}
	hash, err := r.base(ctx, revision.base)
	if err != nil || len(revision.steps) == 0 {
		return hash, err
	}
	at := plumbing.NewHash(hash)
	for _, s := range revision.steps {
		for range s.times {
			if at, err = r.mirror.parent(at, s.parent); err != nil {
				return "", fmt.Errorf("%s: %s: %w", r, text, err)
			}
		}
	}
	return at.String(), nil
}

// base finds what a revision begins with.
func (r *Repository) base(ctx context.Context, name string) (string, error) {
	switch {
	case name == "HEAD" || strings.HasPrefix(name, "refs/"):
		return r.Head(ctx, Ref{Name: name})
	case fullHash.MatchString(name):
		return r.Head(ctx, Ref{Commit: name})
	}
	hash, noBranch := r.Head(ctx, Ref{Branch: name})
	if noBranch == nil || ctx.Err() != nil {
		return hash, noBranch
	}
	hash, noTag := r.Head(ctx, Ref{Tag: name})
	if noTag == nil {
		return hash, nil
	}
	if shortHash.MatchString(name) {
		if _, err := r.Head(ctx, Ref{Name: "HEAD"}); err != nil {
			return "", err
		}
		found, err := r.mirror.abbreviated(name)
		if err != nil {
			return "", fmt.Errorf("%s: %w", r, err)
		}
		return found.String(), nil
	}
	return "", errors.Join(noBranch, noTag)
}

// shortHash is what may be the first digits of a hash: git gives at least 4 of them.
var shortHash = regexp.MustCompile(`^[0-9a-f]{4,39}$`)

// abbreviated finds the one commit whose hash begins with the digits.
func (m *mirror) abbreviated(digits string) (found plumbing.Hash, err error) {
	prefix, err := hex.DecodeString(digits[:len(digits)/2*2])
	if err != nil {
		return found, err
	}
	var commits []plumbing.Hash
	err = m.use(func(r *reader) error {
		commits = nil
		hashes, err := r.beginningWith(prefix)
		if err != nil {
			return err
		}
		for _, h := range hashes {
			if _, err := r.commit(h); err == nil && strings.HasPrefix(h.String(), digits) {
				commits = append(commits, h)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return found, err
	case len(commits) == 0:
		return found, fmt.Errorf("%s is no branch, no tag, and no hash of a commit in the history of HEAD", digits)
	case len(commits) > 1:
		return found, fmt.Errorf("%d commits have a hash that begins with %s: give more of it", len(commits), digits)
	}
	return commits[0], nil
}

// parent is a commit's parent, counted from 1.
func (m *mirror) parent(h plumbing.Hash, number int) (plumbing.Hash, error) {
	c, err := m.commit(h)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if number > len(c.parents) {
		return plumbing.ZeroHash, fmt.Errorf("commit %s has %d parents: there is none that far back", short(h),
			len(c.parents))
	}
	return c.parents[number-1], nil
}
