package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// maxList is how much of an answer to a Caller is read, in bytes: a page of comments that are as long as may be.
const maxList = 16 << 20

// Caller asks the API of a host for what is no status, as the one whom the token names. It sends a request after the
// other, with the same care for tokens, redirects and limits as reports are sent. It is not safe for concurrent use.
type Caller struct {
	bearer
	errand errand
}

// Caller returns who asks. The right is what the token has to be allowed to do to the repository, as "comment on pull
// requests of"; it stands in errors.
func (h *Host) Caller(ctx context.Context, right string) (*Caller, error) {
	token, err := h.tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: token: %w", h.place.Provider, err)
	}
	return &Caller{bearer{host: h, token: token}, errand{right: right, renew: "give a new one",
		wait: "try again later"}}, nil
}

// Reader returns who reads the statuses of commits, with the token that reports are sent with.
func (h *Host) Reader(ctx context.Context) (*Caller, error) {
	c, err := h.Caller(ctx, "read statuses of")
	if err != nil {
		return nil, err
	}
	c.errand.renew, c.errand.wait = ofStatuses.renew, ofStatuses.wait
	return c, nil
}

// Reply is what a host answered.
type Reply struct {
	Code   int
	Header http.Header
	// Pause is how long the host asks to be left alone; zero if it does not say.
	Pause time.Duration
	// Err is why the answer is none; nil if it is one. It holds nothing that is secret.
	Err error
}

// Do sends a request to a path below the API's base, with a body as JSON unless it is nil, and reads the answer's JSON
// into what is given, unless that is nil.
func (c *Caller) Do(ctx context.Context, method, path string, body, into any) Reply {
	return c.do(ctx, request{method: method, path: path, body: body, errand: c.errand, most: maxList}, into)
}

// Get reads a path below the API's base into what is given, unless it is as it was when the host sent that ETag: then
// the reply's code is 304, and nothing is read. Hosts that send none are asked without.
func (c *Caller) Get(ctx context.Context, path, etag string, into any) Reply {
	return c.do(ctx, request{method: http.MethodGet, path: path, etag: etag, errand: c.errand, most: maxList}, into)
}

func (c *Caller) do(ctx context.Context, r request, into any) Reply {
	if err := c.host.wait(ctx); err != nil {
		return Reply{Err: err}
	}
	s := c.host.ask(ctx, r, c.token)
	if s.is == unauthorized && c.renew(ctx) {
		s = c.host.ask(ctx, r, c.token)
	}
	reply := Reply{Code: s.code, Header: s.header, Pause: s.pause, Err: s.why}
	if s.is != told || into == nil || s.code == http.StatusNotModified {
		return reply
	}
	if err := json.Unmarshal(s.body, into); err != nil {
		reply.Err = fmt.Errorf("%s answers %d, with what is not JSON as expected", c.host.place.Provider, s.code)
	}
	return reply
}

// Place is where reports go to.
func (h *Host) Place() Place { return h.place }

// Place is where the requests go to.
func (c *Caller) Place() Place { return c.host.place }

// Repository is the path of the repository below the API's base.
func (c *Caller) Repository() string { return c.host.dialect.repository(c.host.place) }
