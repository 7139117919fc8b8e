package gitsource

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// Source reads the credentials for a repository as they are now. It is asked before the first poll, and again whenever
// a poll has failed: what was exchanged counts from the moment that the old ones are refused, and in the steady state
// nothing is read. Its errors are shown, so they must hold no credentials.
type Source func(ctx context.Context) (Auth, error)

// credentials are what a repository's server is spoken to with. Fixed ones have no source.
type credentials struct {
	mu     sync.Mutex
	dial   func(Auth) (*remote.Remote, error)
	source Source
	remote *remote.Remote // nil before the source was asked
	stale  bool           // a poll has failed since the source was asked
}

// set takes fixed credentials.
func (c *credentials) set(to *remote.Remote) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace(to)
}

// follow takes credentials from a source from now on.
func (c *credentials) follow(source Source, dial func(Auth) (*remote.Remote, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source, c.dial = source, dial
}

func (c *credentials) replace(to *remote.Remote) {
	if c.remote != nil {
		c.remote.Close()
	}
	c.remote = to
}

func (c *credentials) close() { c.set(nil) }

// equal is true of the fixed credentials that are in use.
func (c *credentials) equal(auth Auth) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote != nil && c.remote.Auth().Equal(auth)
}

// doubt has the source asked again before the next poll.
func (c *credentials) doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
}

// current returns who to speak to the server as.
func (c *credentials) current(ctx context.Context) (*remote.Remote, error) {
	c.mu.Lock()
	known, stale := c.remote, c.stale
	c.mu.Unlock()
	if known != nil && !stale {
		return known, nil
	}
	if _, err := c.renew(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remote == nil {
		return nil, errClosed
	}
	return c.remote, nil
}

// renew asks the source, and tells whether the credentials are others than before.
func (c *credentials) renew(ctx context.Context) (changed bool, err error) {
	c.mu.Lock()
	source, dial := c.source, c.dial
	c.mu.Unlock()
	if source == nil {
		return false, nil
	}
	auth, err := source(ctx)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = false
	to, err := dial(auth)
	if err != nil {
		return false, Mistake(err)
	}
	if c.remote != nil && c.remote.Auth().Equal(to.Auth()) {
		to.Close()
		return false, nil
	}
	c.replace(to)
	return true, nil
}

// converse reads the server's refs.
func (c *credentials) converse(ctx context.Context) (to *remote.Remote, server *remote.Conversation, err error) {
	err = c.ask(ctx, func(r *remote.Remote) error {
		to = r
		server, err = r.Read(ctx)
		return err
	})
	return to, server, err
}

// ask asks the server something. If it refuses, or cannot be reached, the credentials and certificates may have been
// exchanged meanwhile: they are read again and, if they are others, it is tried once more.
func (c *credentials) ask(ctx context.Context, question func(*remote.Remote) error) error {
	to, err := c.current(ctx)
	if err != nil {
		return err
	}
	err = question(to)
	if err == nil || errors.Is(err, remote.ErrEmpty) || ctx.Err() != nil {
		return err
	}
	changed, failure := c.renew(ctx)
	switch {
	case failure != nil:
		return fmt.Errorf("%w; and the credentials cannot be read: %w", err, failure)
	case !changed:
		return c.unchanged(to, err)
	}
	if to, err = c.current(ctx); err != nil {
		return err
	}
	return question(to)
}

// unchanged adds to a refusal where the credentials are that are refused.
func (c *credentials) unchanged(to *remote.Remote, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if identity := to.Auth().Identity; c.source != nil && identity != "" && errors.Is(err, remote.ErrDenied) {
		return fmt.Errorf("%w; they are from %s, and were read again just now", err, identity)
	}
	return err
}
