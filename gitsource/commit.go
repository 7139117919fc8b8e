package gitsource

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// Commit is what a person needs to recognise a commit. Subject and Author are one line each, without control
// characters.
type Commit struct {
	Hash, Subject, Author string
	Time                  time.Time // when it was committed
}

// commit is a commit as the mirror reads it.
type commit struct {
	hash, tree      plumbing.Hash
	parents         []plumbing.Hash
	subject, author string
	time            time.Time
}

func (c *commit) summary() Commit {
	return Commit{Hash: c.hash.String(), Subject: c.subject, Author: c.author, Time: c.time}
}

func (r *reader) commit(h plumbing.Hash) (*commit, error) {
	_, content, err := r.content(plumbing.CommitObject, h, maxObject)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", short(h), err)
	}
	return decodeCommit(h, content)
}

// decodeCommit reads a commit. Its texts are in the encoding that its header names, which is UTF-8 where it names none.
func decodeCommit(h plumbing.Hash, content []byte) (*commit, error) {
	var c object.Commit
	if err := c.Decode(inMemory(plumbing.CommitObject, content)); err != nil {
		return nil, fmt.Errorf("commit %s: %w", short(h), err)
	}
	text := decoder(string(c.Encoding))
	subject, _, _ := strings.Cut(strings.TrimLeft(text(c.Message), "\n"), "\n")
	return &commit{hash: h, tree: c.TreeHash, parents: c.ParentHashes,
		subject: treefs.Printable(subject), author: treefs.Printable(text(c.Author.Name)), time: c.Committer.When}, nil
}

// decoder converts texts of an encoding to UTF-8. A text in an encoding that nobody knows, or that is not in the
// encoding that it claims, stays as it is, as git shows it.
func decoder(name string) func(string) string {
	asItIs := func(text string) string { return text }
	named, err := ianaindex.MIME.Encoding(strings.TrimSpace(name))
	if err != nil || named == nil {
		if named, err = htmlindex.Get(name); err != nil {
			return asItIs
		}
	}
	return func(text string) string {
		if converted, err := named.NewDecoder().String(text); err == nil {
			return converted
		}
		return text
	}
}

// noCommitError is the error of a tag that stands for no commit. What a server sends does not change it.
type noCommitError struct {
	kind plumbing.ObjectType
	hash plumbing.Hash
}

func (e *noCommitError) Error() string {
	what := map[plumbing.ObjectType]string{plumbing.TreeObject: "folder", plumbing.BlobObject: "file"}[e.kind]
	return fmt.Sprintf("is a tag of a %s (%s %s), not a commit: tag a commit, or name another ref", what, e.kind,
		short(e.hash))
}

func isNoCommit(err error) bool {
	var e *noCommitError
	return errors.As(err, &e)
}

// peel follows a tag to the commit that it stands for.
func (r *reader) peel(h plumbing.Hash) (plumbing.Hash, error) {
	const deepest = 20
	for range deepest {
		t, content, err := r.content(plumbing.AnyObject, h, maxObject)
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("object %s: %w", short(h), err)
		}
		switch t {
		case plumbing.CommitObject:
			return h, nil
		case plumbing.TagObject:
			var tag object.Tag
			if err := tag.Decode(inMemory(t, content)); err != nil {
				return plumbing.ZeroHash, fmt.Errorf("tag %s: %w", short(h), err)
			}
			h = tag.Target
		default:
			return plumbing.ZeroHash, &noCommitError{t, h}
		}
	}
	return plumbing.ZeroHash, errors.New("a tag of too many tags")
}

func (m *mirror) commit(h plumbing.Hash) (c *commit, err error) {
	err = m.use(func(r *reader) error {
		c, err = r.commit(h)
		return err
	})
	if errors.Is(err, errUnreadable) || errors.Is(err, errMisnamed) { // it is there
		err = m.damaged(err)
	}
	return c, err
}

// peelHeld is peel for what was seen to be complete: if it cannot be read now, the mirror is damaged.
func (m *mirror) peelHeld(h plumbing.Hash) (plumbing.Hash, error) {
	commit, err := m.peel(h)
	if isLoss(err) {
		err = m.damaged(err)
	}
	return commit, err
}

// peeled is peel for who asks again and again, of a tip that was seen to be complete: it is read once.
func (m *mirror) peeled(h plumbing.Hash) (plumbing.Hash, error) {
	if commit, known := m.proven.commit(h); known {
		return commit, nil
	}
	commit, err := m.peel(h)
	if err == nil {
		m.proven.note(h, commit)
	}
	return commit, err
}

func (m *mirror) peel(h plumbing.Hash) (commit plumbing.Hash, err error) {
	err = m.use(func(r *reader) error {
		commit, err = r.peel(h)
		return err
	})
	return commit, err
}

// maxMessage bounds, in bytes, what is returned of a commit's message.
const maxMessage = 16 << 10

// Message is all that whoever made a commit of a mirror has written about it: lines without control characters, and cut
// where it is very long.
func Message(r *Repository, hash string) (message string, err error) {
	h, err := parseHash(hash)
	if err == nil {
		err = r.mirror.use(func(from *reader) error {
			message, err = from.message(h)
			return err
		})
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", r, err)
	}
	return message, nil
}

func (r *reader) message(h plumbing.Hash) (string, error) {
	var c object.Commit
	_, content, err := r.content(plumbing.CommitObject, h, maxObject)
	if err == nil {
		err = c.Decode(inMemory(plumbing.CommitObject, content))
	}
	if err != nil {
		return "", fmt.Errorf("commit %s: %w", short(h), err)
	}
	text := decoder(string(c.Encoding))(c.Message)
	if len(text) > maxMessage {
		text = text[:maxMessage] + "…"
	}
	var lines []string
	for line := range strings.Lines(text) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		lines = append(lines, strings.TrimRight(indent+treefs.Printable(line), " "))
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n"), nil
}
