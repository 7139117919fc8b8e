package controller

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/sync/lease"
)

// Whoever has read the Syncs knows the API server's time: what their statuses say of times is judged by it from the
// first turn on.
func TestTheClockIsKnownWithTheSyncs(t *testing.T) {
	const ahead = time.Hour
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		http.Error(rw, "none", http.StatusNotFound)
	}))
	defer server.Close()
	c, err := New(&rest.Config{Host: server.URL}, Options{DataDir: t.TempDir(), Log: quiet(),
		Lease: lease.Options{Duration: 15 * time.Second}})
	check(t, err)
	defer c.renders.Close()
	_, _ = c.syncs.Syncs.Get(t.Context(), "fleet", "agents") // there is none, which is an answer
	if got := time.Until(c.syncs.Now()); (got - ahead).Abs() > 10*time.Minute {
		t.Errorf("the clock is %s ahead, not %s", got, ahead)
	}
}
