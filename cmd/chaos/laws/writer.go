package laws

import "time"

// oneWriter: who writes holds the Lease. A request that had reached the API server before another one took the Lease
// may still be answered. One request of a process may have been on its way until then: nobody can call it back, and the
// other laws say whether it did harm.
func (c *checker) oneWriter() {
	var holder string
	var since time.Time
	underWay := map[string]int{}
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
		case !c.ours(w) || !w.changed || w.agent == holder || !w.received.After(since):
		case underWay[w.agent] == 0 && holder != "":
			underWay[w.agent]++
		default:
			c.breaks("one writer", w.received, "%s writes %s %s while %q holds the Lease", w.agent, w.resource, w.name,
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
