package view

import (
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What a commit has changed is what it asks for beside the one that was applied last before it. One that was carried, failed
// or repeated another's set was never applied; what waits comes after what is in flight; in a rollback the stuck one
// was there before. Only a history that has lost its end does not know.
func TestWhatWasAppliedBefore(t *testing.T) {
	status := func(history []api.Record, f *api.Flight) (s api.SyncStatus) {
		s.History, s.InFlight = history, f
		return s
	}
	record := func(c string, state api.CommitState, by string) api.Record {
		return api.Record{Commit: hash(c), State: state, By: by}
	}
	history := []api.Record{record("g", api.Held, ""), record("f", api.RollingOut, ""), record("e", api.Carried, hash("f")),
		record("d", api.Failed, ""), record("c", api.Stuck, ""), record("b", api.Unchanged, hash("a")), record("a", api.Complete, "")}
	flying := &api.Flight{Commit: hash("f"), State: api.RollingOut, Before: hash("a")}
	full := append([]api.Record{}, history[1:]...)
	for i := len(full); i < api.MaxHistory; i++ {
		full = append(full, record(string(rune('g'+i)), api.Failed, ""))
	}
	for name, one := range map[string]struct {
		status api.SyncStatus
		commit string
		want   string
	}{
		"held":                  {status(history, flying), "g", "f"},
		"held, and nobody told": {status(history[1:], flying), "g", "f"},
		"held, nothing flies":   {status(history[3:], nil), "g", "c"},
		"in flight":             {status(history, flying), "f", "c"},
		"carried":               {status(history, flying), "e", "c"},
		"failed":                {status(history, flying), "d", "c"},
		"stuck":                 {status(history, flying), "c", "a"},
		"unchanged":             {status(history, flying), "b", "a"},
		"the first":             {status(history, flying), "a", ""},
		"the first, in flight":  {status(nil, &api.Flight{Commit: hash("f")}), "f", ""},
		"its record is gone":    {status(nil, flying), "f", "a"},
		"the end is lost":       {status(full, flying), "a", "?"},
		"a rollback": {status(history[4:], &api.Flight{Commit: hash("a"),
			RollbackOf: &api.StuckCommit{Commit: hash("c")}}), "a", "c"},
	} {
		before, found := Before(&one.status, hash(one.commit))
		if want := strings.Repeat(one.want, 40); found == (one.want == "?") || found && before != want {
			t.Errorf("%s: %.7q %v, want %s", name, before, found, one.want)
		}
	}
	s := status(history, flying)
	s.LastComplete = hash("z")
	for commit, want := range map[string]bool{"f": true, "c": true, "a": true, "z": true, "e": false, "d": false, "b": false, "g": false,
		"q": false} {
		if Applied(&s, hash(commit)) != want {
			t.Errorf("%s was applied: %v", commit, !want)
		}
	}
}
