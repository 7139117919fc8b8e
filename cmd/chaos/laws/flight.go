package laws

import "time"

// oneInFlight: a commit is begun only when the one before it was reported as settled, and nothing is written but what
// the commit in flight asks for.
func (c *checker) oneInFlight() {
	var now flight
	var since time.Time
	for i := range c.writes {
		w := &c.writes[i]
		switch {
		case c.isStatus(w) && w.refusedWith == 0 && w.changed:
			next := flightOf(w)
			if now.commit != "" && next.commit != now.commit && !settled[now.state] && !settled[states(w)[now.commit]] {
				c.breaks("one in flight", w.received, "%s takes off while %s is %s", short(next.commit),
					short(now.commit), now.state)
			}
			now, since = next, w.done
		case c.ours(w) && w.changed && isObject(w) && w.verb != "delete":
			c.writesTheFlight(w, now, since)
		}
	}
}

// writesTheFlight: what is written of an object is what the commit in flight says of it.
func (c *checker) writesTheFlight(w *write, now flight, since time.Time) {
	kind, name := text(w.object, "kind"), w.name
	known := func(w *write) bool { return c.isStatus(w) }
	if wanted := c.history.find(now.commit, kind, name); wanted != nil && asks(wanted, w.object) ||
		c.lostBetween(since, w.received, known) > 0 {
		return
	}
	for i := len(c.history.Line) - 1; i >= 0; i-- {
		other := c.history.Line[i]
		if wanted := c.history.find(other, kind, name); wanted != nil && asks(wanted, w.object) {
			c.breaks("one in flight", w.received, "%s %s is written as %s asks while %s is in flight", kind, name,
				short(other), short(now.commit))
			return
		}
	}
	c.breaks("one in flight", w.received, "%s %s is written as no commit asks while %s is in flight", kind, name,
		short(now.commit))
}

// isObject reports whether a write is one of an object that a commit may ask for.
func isObject(w *write) bool {
	return w.sub == "" && (w.resource == "daemonsets" || w.resource == "configmaps" && !isOutbox(w))
}

// isOutbox reports whether a ConfigMap holds what the Git host is still to be told.
func isOutbox(w *write) bool { return at(w.object, "data", "outbox.json") != nil }

// nothingTwice: a commit changes a DaemonSet once. The brake, and what others did to it, are reasons to write it again;
// and where a status was lost with the API server, nobody knows whether the flight is still the same.
func (c *checker) nothingTwice() {
	type change struct {
		flight int
		brake  string
		uid    string
	}
	last, when, now, n := map[string]change{}, map[string]time.Time{}, flight{}, 0
	for i := range c.writes {
		w := &c.writes[i]
		if c.isStatus(w) && w.refusedWith == 0 && w.changed {
			if next := flightOf(w); next.commit != now.commit || next.rollbackOf != now.rollbackOf {
				now, n = next, n+1
			}
		}
		if w.resource != "daemonsets" || w.namespace != c.Namespace || !changesSpec(w) {
			continue
		}
		this := change{n, text(w.object, "metadata", "annotations", "daemongate.io/brake"),
			text(w.object, "metadata", "uid")}
		if was, known := last[w.name]; known && c.ours(w) && was == this &&
			c.lostBetween(when[w.name], w.received, c.isStatus) == 0 {
			c.breaks("nothing twice", w.received, "DaemonSet %s has generation %d after %d by the same flight of %s",
				w.name, w.generation, w.generationWas, short(now.commit))
		}
		if c.ours(w) {
			last[w.name], when[w.name] = this, w.received
		} else {
			delete(last, w.name)
		}
	}
}

// changesSpec reports whether an object is another one after a write, its status left aside.
func changesSpec(w *write) bool {
	return w.refusedWith == 0 && w.verb != "delete" && w.generation != w.generationWas
}
