package sync

import (
	"github.com/daemongate/daemongate/sync/window"
)

// advise warns once of what the writer of a spec may not have meant.
func (c *Controller) advise(l *lane) {
	if l.advised == l.sync.Generation {
		return
	}
	l.advised = l.sync.Generation
	warn(c.Teller, l.sync, window.CronWarnings(l.sync))
}
