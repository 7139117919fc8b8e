package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// requestTimeout bounds one request to a Git host.
const requestTimeout = 30 * time.Second

// Host reports to the API of a Git host: a request per status, one after the other. A status that the host does not
// take keeps no other back. Safe for concurrent use.
type Host struct {
	place   Place
	dialect dialect
	tokens  TokenSource
	refused func(context.Context, Token)
	client  *http.Client
	pace    *rate.Limiter
	now     func() time.Time
}

// Options are what a Host can do without.
type Options struct {
	// Client sends the requests; http.DefaultTransport if nil. Its redirects are not followed to other hosts.
	Client *http.Client
	// Refused is told of a token that the host does not take, before the source is asked again.
	Refused func(ctx context.Context, t Token)
	// Pace spaces the requests, for all Hosts that share it; nil does not.
	Pace *rate.Limiter
	// Now is the clock; the machine's if nil.
	Now func() time.Time
}

// GitHubPace is what GitHub asks for: a pause of a second between requests that write, if there are many. A few may go
// at once (docs.github.com, best practices for using the REST API).
func GitHubPace() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Second), 30) }

// NewHost returns the reporter to a place.
func NewHost(place Place, tokens TokenSource, o Options) (*Host, error) {
	d := dialects[place.Provider]
	if d == nil {
		return nil, fmt.Errorf("%q is no Git host that can be told", place.Provider)
	}
	h := &Host{place: place, dialect: d, tokens: tokens, refused: o.Refused, pace: o.Pace, now: o.Now,
		client: &http.Client{}}
	if o.Client != nil {
		copied := *o.Client
		h.client = &copied
	}
	h.client.CheckRedirect = stayAtHome
	if h.now == nil {
		h.now = time.Now
	}
	return h, nil
}

// stayAtHome follows a redirect only to the same host and with the same method: everything else would show the token to
// somebody else, or do something else. A renamed GitHub repository answers with such a redirect.
func stayAtHome(next *http.Request, before []*http.Request) error {
	first := before[0]
	if len(before) > 3 || next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme ||
		next.Method != first.Method {
		return http.ErrUseLastResponse
	}
	return nil
}

// Report tells the host each status. It stops at what concerns all of them: no connection, no token, a rate limit.
func (h *Host) Report(ctx context.Context, statuses []Status) Answer {
	good, refused := valid(statuses)
	a := Answer{Refused: refused}
	token, err := h.tokens(ctx)
	if err != nil {
		a.Trouble = fmt.Errorf("%s: token: %w", h.place.Provider, err)
		return a
	}
	r := &round{bearer: bearer{host: h, token: token}, answer: a}
	for _, s := range good {
		if !r.tell(ctx, s) {
			break
		}
	}
	return r.answer
}

// round is one Report under way.
type round struct {
	bearer
	broken int // failures one after the other
	answer Answer
}

// tell tells one status and sorts what the host said. It reports whether to go on.
func (r *round) tell(ctx context.Context, s Status) bool {
	a := &r.answer
	if err := r.host.wait(ctx); err != nil {
		a.Trouble = err
		return false
	}
	said := r.host.send(ctx, s, r.token)
	if said.is == unauthorized && r.renew(ctx) {
		said = r.host.send(ctx, s, r.token)
	}
	if said.is != broken {
		r.broken = 0
	}
	switch said.is {
	case told:
		a.Told, a.Pause = append(a.Told, s), said.pause
		return said.pause == 0
	case refused:
		a.Refused = append(a.Refused, Refusal{s, said.why})
	case unknown:
		a.Unknown = append(a.Unknown, Refusal{s, said.why})
	case broken:
		a.Failed = append(a.Failed, Refusal{s, said.why})
		if r.broken++; r.broken == 2 { // not this commit's doing
			a.Trouble = said.why
			return false
		}
	default:
		a.Trouble, a.Pause = said.why, said.pause
		return false
	}
	return true
}

// wait keeps the pace.
func (h *Host) wait(ctx context.Context) error {
	if h.pace == nil {
		return ctx.Err()
	}
	if err := h.pace.Wait(ctx); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s: %w", h.place.Provider, err))
	}
	return nil
}
