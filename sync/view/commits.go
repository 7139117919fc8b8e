package view

import (
	"slices"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Commit is one commit of the lane.
type Commit struct {
	Commit  string          `json:"commit"`
	Subject string          `json:"subject,omitempty"`
	Author  string          `json:"author,omitempty"`
	State   api.CommitState `json:"state"`
	// First is when it reached its first state, and Since when the present one; zero where that is not known any more.
	First time.Time `json:"first,omitzero"`
	Since time.Time `json:"since,omitzero"`
	// By is the commit whose state it takes over.
	By       string          `json:"by,omitempty"`
	Outcome  api.CommitState `json:"outcome,omitempty"`
	Relapsed bool            `json:"relapsed,omitempty"`
	// InFlight is set from its first write until it has settled and its prune is done.
	InFlight bool `json:"inFlight,omitempty"`
	// InPlaceOf is the commit, stuck or relapsed, in whose place it is applied again.
	InPlaceOf string `json:"inPlaceOf,omitempty"`
	Message   string `json:"message,omitempty"`
	// Nodes is how many nodes are known to run it.
	Nodes int `json:"nodes"`
}

// commitsOf are the commits that wait, and those that have reached a state, the newest first.
func commitsOf(s *api.SyncStatus, nodes []Node) []Commit {
	records := map[string]api.Record{}
	for _, r := range s.History {
		records[r.Commit] = r
	}
	lane := []Commit{}
	held := map[string]bool{}
	for _, hash := range slices.Backward(s.Held.Commits) {
		held[hash] = true
		c := commitOf(records[hash])
		c.Commit, c.State = hash, api.Held
		lane = append(lane, c)
	}
	f := s.InFlight
	if f != nil && !held[f.Commit] && records[f.Commit].Commit == "" {
		lane = append(lane, Commit{Commit: f.Commit, State: f.State, First: f.Since.Time, Since: f.Since.Time})
	}
	for _, r := range s.History {
		if !held[r.Commit] {
			lane = append(lane, commitOf(r))
		}
	}
	on := map[string]int{}
	for i := range nodes {
		on[nodes[i].Commit]++
	}
	for i := range lane {
		c := &lane[i]
		c.Nodes = on[c.Commit]
		if f != nil && c.Commit == f.Commit {
			c.mark(f)
		}
	}
	return lane
}

func commitOf(r api.Record) Commit {
	return Commit{Commit: r.Commit, Subject: r.Subject, Author: r.Author, State: r.State, First: r.First.Time,
		Since: r.Since.Time,
		By:    r.By, Outcome: r.Outcome, Relapsed: r.Relapsed, Message: r.Private}
}

// mark says of a commit that it is the one in flight.
func (c *Commit) mark(f *api.Flight) {
	c.State, c.InFlight = f.State, !f.Landed()
	if f.RollbackOf != nil {
		c.InPlaceOf = f.RollbackOf.Commit
	}
}
