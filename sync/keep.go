package sync

import (
	"fmt"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The refs by which the repository keeps the commits that must stay readable, whatever becomes of them on the server: what
// a Rollback goes back to, and what is written again after a crash.
const (
	keptComplete = "complete"
	keptFlight   = "flight"
	keptBefore   = "before"
)

// keep has the repository keep a commit under one of these names. A commit that cannot be kept holds nobody up: it is told
// of, and a restart tries again. Before the first poll there may be no mirror to keep it in.
func (c *Controller) keep(l *lane, name, commit string) {
	history, _ := l.poller.last()
	if commit == "" || history == nil || l.kept[name] == commit {
		return
	}
	if l.kept == nil {
		l.kept = map[string]string{}
	}
	l.kept[name] = commit
	if err := l.repo.Keep(keepName(l.sync, name), commit); err != nil {
		c.Teller.Tell(l.sync, troubleNews(fmt.Errorf("commit %s could not be kept for a rollback: %w", api.Short(commit), err)))
	}
}

// letGo lets the repository forget what was kept for a Sync that is gone.
func (l *lane) letGo() {
	for name := range l.kept {
		_ = l.repo.Keep(keepName(l.sync, name), "")
	}
}

func keepName(s *api.Sync, name string) string { return string(s.UID) + "/" + name }
