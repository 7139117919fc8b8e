package board

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/sync/english"
)

// Choice is which Syncs to show.
type Choice struct {
	// Cluster is a pattern that the cluster's name must match, such as eu-*; any cluster if it is empty.
	Cluster string
	// Behind and Stuck leave those alone that are behind, or in trouble; either will do if both are set.
	Behind, Stuck bool
}

// Choose leaves out what was not asked for.
func (b *Board) Choose(c Choice) (*Board, error) {
	if _, err := path.Match(c.Cluster, ""); err != nil {
		return nil, fmt.Errorf("%q: is no pattern for names of clusters, such as eu-*", c.Cluster)
	}
	return b.Only(func(s *Sync) bool {
		if match, _ := path.Match(c.Cluster, s.Cluster); c.Cluster != "" && !match {
			return false
		}
		return c.Behind && s.Behind > 0 || c.Stuck && s.Trouble() || !c.Behind && !c.Stuck
	}), nil
}

// mostNamed is how many clusters are named that there are.
const mostNamed = 10

// Without says why a choice leaves nothing of a board; empty if it leaves something, or there was nothing.
func (b *Board) Without(c Choice) string {
	left, err := b.Choose(c)
	if err != nil || len(b.Syncs) == 0 || len(left.Syncs) > 0 {
		return ""
	}
	if named, _ := b.Choose(Choice{Cluster: c.Cluster}); len(named.Syncs) > 0 {
		return fmt.Sprintf("of %s none is what was asked for", english.Count(len(named.Syncs), "Sync"))
	}
	var names []string
	for _, s := range b.Syncs {
		names = append(names, s.Cluster)
	}
	return fmt.Sprintf("no cluster that has told anything is called %s: there are %s", c.Cluster,
		english.FirstFew(slices.Compact(names), mostNamed, ", "))
}

// Only leaves out the Syncs for which something does not hold.
func (b *Board) Only(holds func(*Sync) bool) *Board {
	some := *b
	some.Syncs = slices.DeleteFunc(slices.Clone(b.Syncs), func(s *Sync) bool { return !holds(s) })
	return &some
}

// Where is where one commit has got to.
type Where struct {
	Repository string `json:"repository"`
	Commit
	// On is how many Syncs have it, Complete and as part of a newer one, of how many.
	On    int     `json:"on"`
	Of    int     `json:"of"`
	Syncs []Place `json:"syncs"`
}

// Place is what one Sync has of a commit.
type Place struct {
	Cluster string `json:"cluster"`
	Name    string `json:"sync,omitempty"`
	Fate
	// Has is set if the commit, or a newer one, has taken over there.
	Has bool `json:"has"`
	// At is the newest commit that the Sync has begun with.
	At string `json:"at,omitempty"`
}

// Where finds a commit, by its hash or the first digits.
func (b *Board) Where(commit string) (*Where, error) {
	begins := func(c Commit) bool { return strings.HasPrefix(c.Hash, commit) }
	at := slices.IndexFunc(b.Commits, begins)
	if at < 0 || commit == "" {
		return nil, fmt.Errorf("%s: is none of the newest %d commits: read more of them with --limit", commit,
			len(b.Commits))
	}
	if slices.ContainsFunc(b.Commits[at+1:], begins) {
		return nil, fmt.Errorf("%s: begins the hashes of several of the newest %d commits: give more digits", commit,
			len(b.Commits))
	}
	w := &Where{Repository: b.Repository, Commit: b.Commits[at], Of: len(b.Syncs)}
	for _, s := range b.Syncs {
		p := Place{Cluster: s.Cluster, Name: s.Name, Fate: s.Commits[w.Hash], At: s.Commit}
		complete := slices.IndexFunc(b.Commits, func(c Commit) bool { return c.Hash == s.Complete })
		if p.Has = complete >= 0 && complete <= at; p.Has {
			w.On++
		}
		w.Syncs = append(w.Syncs, p)
	}
	return w, nil
}
