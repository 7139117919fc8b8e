// Package board makes of what clusters have told of commits the picture of a fleet: which commit is where, who is
// behind, and who is stuck and why. It looks at nothing itself.
package board

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Board is what is known of a fleet.
type Board struct {
	Repository string `json:"repository"`
	// Commits are the newest of the branch, newest first.
	Commits []Commit `json:"commits"`
	// Syncs are those of all clusters.
	Syncs []*Sync `json:"syncs"`
}

// Commit is one commit of the branch.
type Commit struct {
	Hash    string    `json:"commit"`
	Subject string    `json:"subject,omitempty"`
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

// Sync is one Sync of a cluster, by what it has told.
type Sync struct {
	Cluster string `json:"cluster"`
	Name    string `json:"sync,omitempty"`
	// Commit is the newest one that it has begun with, or whose turn it was; empty if that is none of the newest.
	Commit string `json:"commit,omitempty"`
	// What became of that commit.
	Fate
	// Complete is the newest commit that has taken over there.
	Complete string `json:"complete,omitempty"`
	// Behind is how many commits are newer than Commit; Beyond is set if they are more than the newest that were read.
	Behind int  `json:"behind"`
	Beyond bool `json:"beyond,omitempty"`
	// Waiting is why the newest commit that waits does, if one does.
	Waiting string `json:"waiting,omitempty"`
	// Commits are what became of each commit that was told of.
	Commits map[string]Fate `json:"commits,omitempty"`
}

// Fate is what became of a commit on one cluster.
type Fate struct {
	// State is the commit's; of one that takes over another's it is that one's, and By says whose.
	State    api.CommitState `json:"state,omitempty"`
	By       string          `json:"by,omitempty"`
	Since    time.Time       `json:"since,omitzero"`
	Cause    string          `json:"cause,omitempty"`
	Message  string          `json:"message,omitempty"`
	Relapsed bool            `json:"relapsed,omitempty"`
	Ailing   bool            `json:"ailing,omitempty"`
}

// Trouble is true of what a person should look at.
func (f Fate) Trouble() bool {
	return f.State == api.Stuck || f.State == api.Failed || f.Relapsed || f.Ailing
}

// New puts a board together, of the newest commits, newest first, what was said of them, and the names of all clusters
// that have ever said something.
func New(repository string, commits []gitsource.Commit, said []forge.Said, clusters []string) *Board {
	b := &Board{Repository: repository}
	for _, c := range commits {
		b.Commits = append(b.Commits, Commit{c.Hash, c.Subject, c.Author, c.Time})
	}
	known := map[[2]string]*Sync{}
	heard := map[string]bool{}
	for _, s := range said {
		name := cmp.Or(s.Details.Sync, s.Context)
		one := known[[2]string{s.Cluster, name}]
		if one == nil {
			one = &Sync{Cluster: s.Cluster, Name: name, Commits: map[string]Fate{}}
			known[[2]string{s.Cluster, name}] = one
			b.Syncs = append(b.Syncs, one)
		}
		heard[s.Cluster] = true
		if old, ok := one.Commits[s.Commit]; !ok || !old.Since.After(s.Time) {
			one.Commits[s.Commit] = fateOf(s.Status)
		}
	}
	for _, cluster := range clusters {
		if !heard[cluster] {
			b.Syncs = append(b.Syncs, &Sync{Cluster: cluster})
		}
	}
	for _, one := range b.Syncs {
		b.place(one)
	}
	slices.SortFunc(b.Syncs, func(a, b *Sync) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name))
	})
	return b
}

// place finds where a Sync is on the branch.
func (b *Board) place(s *Sync) {
	s.Behind, s.Beyond = len(b.Commits), true
	for i, c := range b.Commits {
		f, ok := s.Commits[c.Hash]
		switch {
		case !ok, f.State == api.Dropped:
			continue
		case f.State == api.Held:
			s.Waiting = cmp.Or(s.Waiting, f.Message)
			continue
		}
		if s.Commit == "" {
			s.Commit, s.Fate, s.Behind, s.Beyond = c.Hash, f, i, false
		}
		if f.State == api.Complete {
			s.Complete = c.Hash
			return
		}
	}
}

// fateOf reads a status. Older versions wrote no details: then the sentence says the state, as it does for people.
func fateOf(s forge.Status) Fate {
	f := Fate{State: api.CommitState(s.Details.State), By: s.Details.By, Since: s.Time, Cause: s.Details.Cause,
		Message: s.Description, Relapsed: s.Details.Relapsed, Ailing: s.Details.Ailing}
	if f.State == "" {
		return plainFate(s)
	}
	if f.By != "" {
		f.State = api.CommitState(s.Details.Outcome)
	}
	return f
}

// plainFate reads what older versions wrote.
func plainFate(s forge.Status) Fate {
	f := Fate{State: api.RollingOut, Message: s.Description}
	word, _, _ := strings.Cut(s.Description, ":")
	switch {
	case s.State == forge.Success:
		f.State = api.Complete
	case s.State == forge.Failure:
		f.State = api.Stuck
	case s.State == forge.Error:
		f.State = api.Failed
	case slices.Contains([]api.CommitState{api.Held, api.Applying}, api.CommitState(word)):
		f.State = api.CommitState(word)
	}
	return f
}
