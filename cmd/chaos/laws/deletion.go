package laws

// nothingElseDeleted: a controller deletes only what a controller made, and what the commit in flight does not ask for.
func (c *checker) nothingElseDeleted() {
	made, now := map[string]bool{}, flight{}
	for i := range c.writes {
		w := &c.writes[i]
		key := w.resource + "/" + w.name
		switch {
		case c.isStatus(w) && w.refusedWith == 0 && w.changed:
			now = flightOf(w)
		case !c.ours(w):
		case w.verb != "delete" && w.verb != "deletecollection":
			made[key] = true
		case !made[key]:
			c.breaks("nothing else deleted", w.received, "%s is deleted, which no controller made", key)
		case c.history.find(now.commit, kinds[w.resource], w.name) != nil:
			c.breaks("nothing else deleted", w.received, "%s is deleted, which %s in flight asks for", key,
				short(now.commit))
		}
	}
}

var kinds = map[string]string{"daemonsets": "DaemonSet", "configmaps": "ConfigMap"}

// preconditions: a status, an apply and a deletion say what they were decided on, so that they cannot undo what came
// after it.
func (c *checker) preconditions() {
	for i := range c.writes {
		w := &c.writes[i]
		switch {
		case !c.ours(w):
		case c.isStatus(w) && text(w.sent, "metadata", "resourceVersion") == "":
			c.breaks("preconditions", w.received, "the status is written over whatever is there")
		case w.verb == "patch" && kinds[w.resource] != "" && text(w.sent, "metadata", "resourceVersion") == "":
			c.breaks("preconditions", w.received, "%s %s is applied over whatever is there", w.resource, w.name)
		case w.verb == "delete" && text(w.sent, "preconditions", "uid") == "":
			c.breaks("preconditions", w.received, "%s %s is deleted, whichever it is", w.resource, w.name)
		}
	}
}
