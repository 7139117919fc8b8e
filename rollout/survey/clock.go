package survey

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// What is found out about a site is taken over into the next look for as long as its answer cannot change by time alone
// (see Cache). So nothing here gives the time away: whoever compares an instant with it asks Reached, which notes the
// instant.

// clock tells what has come by the instant of the look, and takes in when to look again.
type clock struct {
	now  time.Time
	Wake time.Time
	on   *record // of the site that is gone into; nil if none is, or nobody wants to know
}

// Reached reports whether an instant has come.
func (c *clock) Reached(instant time.Time) bool {
	if !c.now.Before(instant) {
		return true
	}
	c.on.holdsUntil(instant)
	return false
}

// Passed reports whether an instant lies in the past.
func (c *clock) Passed(instant time.Time) bool { return c.Reached(instant.Add(1)) }

// Now is the instant of the look. What is found out about a site by it holds for this look alone.
func (c *clock) Now() time.Time {
	c.on.holdsOnce()
	return c.now
}

// WakeAt asks for a look at an instant, if it is still to come.
func (c *clock) WakeAt(t time.Time) {
	if c.Reached(t) {
		return
	}
	c.on.wakesAt(t)
	if c.Wake.IsZero() || t.Before(c.Wake) {
		c.Wake = t
	}
}

// NotReadySince says whether a node is not ready, and since when: now, if its clock is ahead.
func (c *clock) NotReadySince(n *corev1.Node) (since time.Time, notReady bool) {
	since, notReady = fact.NotReadySince(n, c.now)
	if notReady && since.Equal(c.now) {
		c.on.holdsOnce()
	}
	return since, notReady
}
