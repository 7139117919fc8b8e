package reflector

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A watch is asked for without compression, and nothing else is; what a request asks for itself counts.
func TestWatchesAreNotCompressed(t *testing.T) {
	var accepts string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		accepts = r.Header.Get("Accept-Encoding")
	}))
	defer server.Close()
	client := http.Client{Transport: Plain{http.DefaultTransport}}
	for _, c := range []struct{ url, asks, want string }{
		{"/pods?watch=true", "", "identity"},
		{"/pods?watch=true", "zstd", "zstd"},
		{"/pods", "", "gzip"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if c.asks != "" {
			r.Header.Set("Accept-Encoding", c.asks)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if accepts != c.want {
			t.Errorf("%s with %q: accepts %q, want %q", c.url, c.asks, accepts, c.want)
		}
	}
}
