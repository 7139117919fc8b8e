package gitsource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/attempts"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// flight is one poll, and all who wait for its answers.
type flight struct {
	answers map[Ref]answer // written before landed is closed
	landed  chan struct{}
}

type answer struct {
	commit string
	err    error
}

// boarding is how long a poll waits for others who want the same.
const boarding = 3 * time.Millisecond

// board joins the next poll that starts: what a poll under way has been told may be too old.
func (r *Repository) board(ref Ref) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &flight{answers: map[Ref]answer{}, landed: make(chan struct{})}
	}
	f := r.next
	f.answers[ref] = answer{}
	if !r.flying {
		r.flying = true
		go r.fly()
	}
	return f
}

// fly polls until nobody waits any more, one poll at a time.
func (r *Repository) fly() {
	for {
		time.Sleep(boarding)
		r.mu.Lock()
		f := r.next
		r.next = nil
		r.flying = f != nil
		r.mu.Unlock()
		if f == nil {
			return
		}
		r.run(f)
		close(f.landed)
	}
}

// run polls for one flight. go-git's decoders read what a stranger sends: a panic there is that poll's error.
func (r *Repository) run(f *flight) {
	defer func() {
		if p := recover(); p != nil {
			f.failed(fmt.Errorf("%s: what the server sent cannot be read: %v", r, p))
		}
	}()
	stage := newStage(r.ctx, r.options.PollTimeout)
	defer stage.end()
	if err := r.poll(stage, f); err != nil {
		r.auth.doubt()
		r.noted(advertised{err: err, at: time.Now()})
		f.failed(err)
	}
}

// failed gives everybody who has no answer yet the error.
func (f *flight) failed(err error) {
	for ref, a := range f.answers {
		if a == (answer{}) {
			f.answers[ref] = answer{err: err}
		}
	}
}

// heavyRefs is from how many refs on a poll is one that may end the process.
const heavyRefs = 20_000

// converse reads the server's refs, unless the process has died at it too often. The first time of a process may be
// such a one, and those after one with very many refs. While another process is at it, nothing is noted.
func (r *Repository) converse(ctx context.Context) (*remote.Remote, *remote.Conversation, error) {
	if known := r.recent(); !known.at.IsZero() && known.total < heavyRefs {
		return r.auth.converse(ctx)
	}
	const patience = time.Second
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	unlock, err := lock(waiting, r.mirror.home, "poll")
	if err != nil {
		return r.auth.converse(ctx)
	}
	defer unlock()
	end, err := attempts.Begin(filepath.Join(r.mirror.home, "polling"), time.Now())
	if err != nil {
		return nil, nil, err
	}
	defer end()
	return r.auth.converse(ctx)
}

func (r *Repository) poll(stage *stage, f *flight) error {
	if done, err := r.look(stage.ctx, f); done || err != nil {
		return named(r.address, err)
	}
	began := time.Now()
	to, server, err := r.converse(stage.ctx)
	if err != nil {
		return f.unborn(r, named(r.address, err))
	}
	calls := &calls{ctx: stage.ctx, to: to, open: server}
	defer calls.end()
	r.noted(r.lighter(f, server, began))
	wanted := r.wanted(f, server)
	stage.extend(r.options.FetchTimeout)
	if err := r.mirror.fetchTips(stage.ctx, calls, slices.Collect(maps.Values(wanted))); err != nil {
		return fmt.Errorf("%s: %w", r, bare(err))
	}
	for ref, tip := range wanted {
		commit, err := r.mirror.peelHeld(tip.hash)
		if err != nil {
			f.answers[ref] = answer{err: fmt.Errorf("%s: %s: %w", r, ref, err)}
			continue
		}
		r.saw(ref, tip)
		f.answers[ref] = answer{commit: commit.String()}
	}
	return nil
}

// lighter is what a server lists, for those who ask soon. Of very many refs it is those alone that are wanted, as far
// as they have names, and the conversation keeps no others either than those and what is mirrored.
func (r *Repository) lighter(f *flight, server *remote.Conversation, at time.Time) advertised {
	all := advertised{refs: server.Refs, total: len(server.Refs), at: at}
	looked, ok := prefixes(f, r.recent())
	if all.total < heavyRefs || !ok {
		return all
	}
	few := advertised{refs: map[string]plumbing.Hash{}, looked: looked, total: all.total, at: at}
	kept := map[string]plumbing.Hash{}
	for name, hash := range all.refs {
		if slices.ContainsFunc(looked, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			few.refs[name], kept[name] = hash, hash
		}
	}
	if mirrored, err := r.mirror.refs(r.mirror.current(), tracked); err == nil {
		for _, t := range mirrored {
			if hash, ok := all.refs[t.name]; ok {
				kept[t.name] = hash
			}
		}
	}
	server.Refs = kept
	return few
}

// wanted finds the refs in the advertisement. Those that are not there get their answer.
func (r *Repository) wanted(f *flight, server *remote.Conversation) map[Ref]tip {
	wanted := map[Ref]tip{}
	for ref := range f.answers {
		if ref.Commit != "" {
			wanted[ref] = tip{hash: plumbing.NewHash(ref.Commit)}
			continue
		}
		found, err := ref.find(server.Refs)
		if err != nil {
			f.answers[ref] = answer{err: fmt.Errorf("%s: %w", r, Mistake(err))}
			continue
		}
		wanted[ref] = found
	}
	return wanted
}

// unborn says to which branch a first commit is to be pushed.
func (f *flight) unborn(r *Repository, err error) error {
	if errors.Is(err, remote.ErrEmpty) {
		for ref := range f.answers {
			f.answers[ref] = answer{err: fmt.Errorf("%s: %s does not exist: %w", r, ref, remote.ErrEmpty)}
		}
	}
	return err
}

// named puts the repository's address before an error, unless that begins with it.
func named(at remote.Address, err error) error {
	if err == nil {
		return nil
	}
	var e *remote.Error
	if errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("%s: %w", at, err)
}

// bare drops the repository's address from an error that gets it anyway.
func bare(err error) error {
	var e *remote.Error
	if errors.As(err, &e) {
		return e.Bare()
	}
	return err
}

// stage is a context whose deadline is moved when one part of the work is done and the next begins.
type stage struct {
	ctx   context.Context
	end   func()
	timer *time.Timer
}

func newStage(parent context.Context, limit time.Duration) *stage {
	ctx, cancel := context.WithCancelCause(parent)
	s := &stage{ctx: ctx}
	stop := context.AfterFunc(parent, func() { cancel(errClosed) })
	s.timer = time.AfterFunc(limit, func() { cancel(errTooLong) })
	s.end = func() {
		stop()
		s.timer.Stop()
		cancel(nil)
	}
	return s
}

func (s *stage) extend(limit time.Duration) { s.timer.Reset(limit) }

var errTooLong = errors.New("the server took longer than allowed")

// calls are the conversations with the server that one poll needs: the one that is open, and further ones if what it
// sent is not complete.
type calls struct {
	ctx  context.Context
	to   *remote.Remote
	open *remote.Conversation
	used bool
}

func (c *calls) conversation() (*remote.Conversation, error) {
	if c.used {
		c.end()
		fresh, err := c.to.Read(c.ctx)
		if err != nil {
			c.open = nil
			return nil, err
		}
		c.open = fresh
	}
	c.used = true
	return c.open, nil
}

func (c *calls) end() {
	if c.open != nil {
		_ = c.open.Close() // everything that was wanted has been read
	}
}
