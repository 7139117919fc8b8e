package reflector

import "net/http"

// Plain has the API server send watches without compression: what unpacks a watch takes 40 KB for as long as it lasts.
type Plain struct{ Next http.RoundTripper }

// RoundTrip asks for what a request asks for.
func (p Plain) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Accept-Encoding") == "" && r.URL.Query().Get("watch") != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Accept-Encoding", "identity")
	}
	return p.Next.RoundTrip(r)
}
