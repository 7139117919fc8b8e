package forge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Said is one status of a cluster.
type Said struct {
	Cluster string
	Status
}

// SaidOf is what was said of some commits. What cannot be read of one ref keeps nobody from reading the others: it is
// returned beside.
func SaidOf(heard []Heard, commits []string) (said []Said, left []error) {
	asked := map[string]bool{}
	for _, commit := range commits {
		asked[commit] = true
	}
	for _, h := range heard {
		if h.Trouble != nil {
			left = append(left, fmt.Errorf("%s: %w", h.Ref, h.Trouble))
			continue
		}
		for _, s := range h.Statuses {
			if asked[s.Commit] {
				said = append(said, Said{Cluster: clusterIn(h.Cluster, s.Context), Status: s})
			}
		}
	}
	return said, left
}

// ClustersOf are the clusters that have a ref of their own among some refs, by their full names.
func ClustersOf(tips map[string]string) []string {
	var names []string
	for ref := range tips {
		if name, _ := ClusterOf(ref); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// clusterIn is the cluster that a ref has the notes of; where all clusters shared one, the context names it.
func clusterIn(cluster, context string) string {
	if cluster != "" {
		return cluster
	}
	if parts := strings.Split(context, "/"); len(parts) == 4 && parts[0] == "daemongate" {
		return parts[1]
	}
	return context
}

// find reads the notes of commits, by what is left of their names at this depth.
func (e *editor) find(folder plumbing.Hash, depth int, byName, found map[string]string) error {
	entries, err := e.entries(folder)
	if err != nil {
		return err
	}
	level, below := newLevel(entries, depth), map[string]map[string]string{}
	for name, commit := range byName {
		if level.goesBelow(name) {
			if below[name[:2]] == nil {
				below[name[:2]] = map[string]string{}
			}
			below[name[:2]][name[2:]] = commit
			continue
		}
		if note, ok := level.entries[name]; ok && note.Mode.IsFile() {
			if found[commit], err = e.text(note.Hash); err != nil {
				return err
			}
		}
	}
	for name, rest := range below {
		if next, ok := level.entries[name]; ok && next.Mode == filemode.Dir { // a submodule is nowhere here
			if err := e.find(next.Hash, depth+1, rest, found); err != nil {
				return err
			}
		}
	}
	return nil
}
