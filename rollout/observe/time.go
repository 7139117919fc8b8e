package observe

import (
	"net/http"
	"sync"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// serverClock tells the API server's time, from the Date of its answers. What a pod says of itself is dated by clocks
// of the cluster: if Daemongate's own goes ahead of them, a pod would seem to have been Ready for long when it has not
// (docs/decisions/0012-whose-clock.md).
type serverClock struct {
	// began is when it was made. This machine's time is told by how long ago that is: its clock may be set, and nobody
	// would notice until the API server answers again.
	began     time.Time
	mu        sync.Mutex
	known     bool
	low, high time.Duration // how far the API server is ahead of this machine: at least, and at most
}

func newServerClock() *serverClock { return &serverClock{began: time.Now()} }

// machine is this machine's time, as its clock went in the beginning.
func (c *serverClock) machine() time.Time { return c.began.Add(time.Since(c.began)).Round(0) }

// learn takes in an answer: the Date in it was cut to whole seconds, and written between the request and the answer.
func (c *serverClock) learn(date, sent, received time.Time) {
	low, high := date.Sub(received), date.Add(time.Second).Sub(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && low <= c.high && high >= c.low {
		low, high = max(low, c.low), min(high, c.high)
	}
	c.known, c.low, c.high = true, low, high // one of the clocks was set if they do not agree any more
}

// ahead is how far the API server is ahead of this machine for certain; 0 if that is within what two clocks may be off.
func (c *serverClock) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.low > rollout.SkewTolerance:
		return c.low
	case c.high < -rollout.SkewTolerance:
		return c.high
	}
	return 0
}

// listening has a client's answers tell the time.
type listening struct {
	http.RoundTripper
	clock *serverClock
}

func (l listening) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := l.clock.machine()
	answer, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return answer, err
	}
	if date, dateErr := http.ParseTime(answer.Header.Get("Date")); dateErr == nil {
		l.clock.learn(date, sent, l.clock.machine())
	}
	return answer, nil
}

// Now is the time by the API server's clock if this machine's is off by more than 2 s, else by this machine's.
func (c Clients) Now() time.Time {
	if c.server == nil {
		return time.Now()
	}
	return c.server.machine().Add(c.server.ahead())
}

// Ahead is how far the API server's clock is ahead of this machine's; 0 if the two agree within 2 s.
func (c Clients) Ahead() time.Duration {
	if c.server == nil {
		return 0
	}
	if ahead := time.Until(c.Now()); ahead.Abs() > rollout.SkewTolerance {
		return ahead
	}
	return 0
}
