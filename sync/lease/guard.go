package lease

import (
	"fmt"
	"net/http"

	"k8s.io/client-go/rest"
)

// Guard returns the configuration of clients that write only while the Lease is held. It is the last line: who has lost
// the Lease is told so by the end of a context.
func (l *Lease) Guard(config *rest.Config) *rest.Config {
	guarded := rest.CopyConfig(config)
	guarded.Wrap(func(next http.RoundTripper) http.RoundTripper { return &guard{l.Holds, next} })
	return guarded
}

type guard struct {
	holds func() error
	next  http.RoundTripper
}

// RoundTrip sends what only reads, and a write while the Lease is held.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		if err := g.holds(); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // as a RoundTripper must
			}
			return nil, fmt.Errorf("nothing is written: %w", err)
		}
	}
	return g.next.RoundTrip(r)
}

// WrappedRoundTripper is what client-go asks for to find out about connections.
func (g *guard) WrappedRoundTripper() http.RoundTripper { return g.next }
