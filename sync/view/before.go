package view

import (
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Before is the commit that was applied last before another one, which is what that one has changed, or would change;
// empty if none was. found is false where that is not on record any more.
func Before(s *api.SyncStatus, commit string) (before string, found bool) {
	f := s.InFlight
	flies := f != nil && f.Commit == commit
	if flies && f.RollbackOf != nil {
		return f.RollbackOf.Commit, true
	}
	older := olderThan(commit, s.History)
	if older == nil && f != nil && !flies { // it waits
		return f.Commit, true
	}
	if older == nil {
		older = s.History
	}
	for i := range older {
		if r := &older[i]; r.Commit != commit && wasApplied(r) {
			return r.Commit, true
		}
	}
	if flies && f.Before != "" && f.Before != commit {
		return f.Before, true
	}
	return "", len(s.History) < api.MaxHistory
}

// olderThan is what a history, the newest first, has before a commit that does not wait; nil if it has none of it.
func olderThan(commit string, history []api.Record) []api.Record {
	for i := range history {
		if history[i].Commit == commit && history[i].State != api.Held {
			return history[i+1:]
		}
	}
	return nil
}

// wasApplied reports whether a commit was applied itself.
func wasApplied(r *api.Record) bool {
	switch r.State {
	case api.Applying, api.RollingOut, api.Complete, api.Stuck:
		return r.By == ""
	}
	return false
}

// Applied reports whether a Sync has applied a commit itself, as far as that is on record.
func Applied(s *api.SyncStatus, commit string) bool {
	if s.InFlight != nil && s.InFlight.Commit == commit || s.LastComplete == commit {
		return true
	}
	for i := range s.History {
		if s.History[i].Commit == commit {
			return wasApplied(&s.History[i])
		}
	}
	return false
}
