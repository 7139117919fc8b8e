package sync

// The refs by which the repository keeps the commits that must stay readable, whatever becomes of them on the server: what
// a Rollback goes back to, and what is written again after a crash.
const (
	keptComplete = "complete"
	keptFlight   = "flight"
	keptBefore   = "before"
)

// keep has the repository keep a commit under one of these names. A commit that cannot be kept holds nobody up: it is told
// of, and a restart tries again.
func (c *Controller) keep(l *lane, name, commit string) {
	if err := l.source.Keep(l.sync, name, commit); err != nil {
		c.Teller.Tell(l.sync, troubleNews(err))
	}
}
