package laws

import "time"

// oneWriter: who writes holds the Lease when the write leaves it. One that arrives later was under way: nobody can call
// it back, and the other laws say whether it did harm. So was the first one of a process that stood still: it may have
// stood between its last look at the Lease and the sending.
func (c *checker) oneWriter() {
	var holder string
	var since time.Time
	for i := range c.writes {
		w := &c.writes[i]
		switch {
		case w.resource == "leases" && w.namespace == c.LeaseNamespace && w.name == c.LeaseName &&
			w.refusedWith == 0:
			now := ""
			if text(w.object, "spec", "holderIdentity") != "" {
				now = w.agent
			}
			if now != holder {
				holder, since = now, w.done
			}
		case !c.ours(w) || !w.changed || w.agent == holder || !w.left.After(since) || w.woken && holder != "":
		default:
			c.breaks("one writer", w.left, "%s writes %s %s while %q holds the Lease", w.agent, w.resource, w.name,
				holder)
		}
	}
}

// silence: at the end nothing is written but the Lease.
func (c *checker) silence() {
	if c.Silent.IsZero() {
		return
	}
	for i := range c.writes {
		if w := &c.writes[i]; c.ours(w) && w.received.After(c.Silent) {
			c.breaks("silence", w.received, "%s is written %s although nothing happens", w.resource, w.name)
		}
	}
}
