package observe

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// The API server's time is told from its answers, if this machine's clock is off by more than two clocks may be; which
// of the two is set right later is noticed.
func TestTheAPIServersTime(t *testing.T) {
	ahead := time.Duration(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}))
	defer server.Close()
	clock := newServerClock()
	client := &http.Client{Transport: listening{http.DefaultTransport, clock}}
	ask := func() time.Duration {
		answer, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return clock.ahead()
	}
	if got := ask(); got != 0 {
		t.Errorf("off by %s", got)
	}
	for _, ahead = range []time.Duration{5 * time.Minute, -5 * time.Minute, 0} {
		clustertest.Until(t, time.Minute, "the time", func() (string, bool) { // a slow answer tells less
			got := ask()
			miss := (got - ahead).Abs()
			return fmt.Sprintf("off by %s, want %s", got, ahead), miss <= time.Second+time.Second/2 && (ahead != 0 || got == 0)
		})
	}
	before := time.Now()
	if now := (Clients{server: clock}).Now(); now.Before(before.Add(-time.Second)) || now.After(time.Now().Add(time.Second)) {
		t.Errorf("it is %s", now)
	}
}

// An answer that took long tells less, and never more than is certain.
func TestASlowAnswerTellsLess(t *testing.T) {
	c := &serverClock{}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	c.learn(at.Add(20*time.Second), at, at.Add(30*time.Second)) // somewhere between 10 s behind and 21 s ahead
	if c.ahead() != 0 {
		t.Errorf("%s", c.ahead())
	}
	c.learn(at.Add(40*time.Second), at.Add(30*time.Second), at.Add(30*time.Second+time.Millisecond))
	if got := c.ahead(); got < 9*time.Second || got > 11*time.Second {
		t.Errorf("%s", got)
	}
}
