package comment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// patience is how long a limit of the host is waited for.
const patience = 90 * time.Second

// maxPages bounds how many pages of a list are read.
const maxPages = 100

// asker asks the host's API about the repository.
type asker struct {
	caller *forge.Caller
	waited bool
}

// refusal is an error with the code of the answer.
type refusal struct {
	code int
	error
}

// do sends one request to a path below the repository. A limit that is over soon is waited for, once.
func (a *asker) do(ctx context.Context, method, path string, body, into any) (forge.Reply, error) {
	return a.send(ctx, method, a.caller.Repository()+path, body, into)
}

func (a *asker) send(ctx context.Context, method, path string, body, into any) (forge.Reply, error) {
	reply := a.caller.Do(ctx, method, path, body, into)
	if reply.Err != nil && reply.Pause > 0 && reply.Pause <= patience && !a.waited {
		a.waited = true
		if err := sleep(ctx, reply.Pause); err != nil {
			return reply, errors.Join(reply.Err, err)
		}
		reply = a.caller.Do(ctx, method, path, body, into)
	}
	switch {
	case reply.Err == nil:
		return reply, nil
	case reply.Pause > 0: // says nothing of what was asked for
		return reply, fmt.Errorf("%w (the host asks for %s)", reply.Err, reply.Pause)
	}
	return reply, &refusal{reply.Code, reply.Err}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unknown reports whether a host has not said who we are: it may be no user's token, or it may not ask.
func unknown(err error) bool {
	var no *refusal
	return errors.As(err, &no) && (no.code == http.StatusForbidden || no.code == http.StatusNotFound)
}

// list reads all pages of a list. What is asked for on the next page, each host says in its own way.
func list[T, P any](ctx context.Context, a *asker, path string, q url.Values,
	read func(P, http.Header) (items []T, next url.Values)) ([]T, error) {
	var all []T
	for range maxPages {
		var page P
		reply, err := a.do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page)
		if err != nil {
			return nil, err
		}
		items, next := read(page, reply.Header)
		all = append(all, items...)
		if next == nil {
			return all, nil
		}
		for name, values := range next {
			q[name] = values
		}
	}
	return nil, fmt.Errorf("%s has more than %d pages of them, which are not read", a.caller.Place().Provider, maxPages)
}

// bare reads a page that is an array, with the address of the next one in a header.
func bare[T any](items []T, h http.Header) ([]T, url.Values) { return items, nextOf(h) }
