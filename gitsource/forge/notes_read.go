package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/daemongate/daemongate/gitsource/pack"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Told is what clusters have told in the notes of a repository, as they stood at one look.
type Told struct {
	known *filesystem.Storage
	tips  map[string]plumbing.Hash
	most  *bound // of what is read; nil for none
}

// Said is one status of a cluster.
type Said struct {
	Cluster string
	Status
}

// ReadNotes reads the notes of all clusters into a folder, which is the caller's alone: one look, and one fetch of what
// is not in the folder yet.
func ReadNotes(ctx context.Context, to *remote.Remote, folder string) (*Told, error) {
	known, err := openNotes(folder)
	if err != nil {
		return nil, fmt.Errorf("notes: %w", err)
	}
	server, err := to.Read(ctx)
	if errors.Is(err, remote.ErrEmpty) {
		return &Told{known: known}, nil
	}
	if err != nil {
		return nil, err
	}
	defer server.Close()
	t := &Told{known: known, tips: map[string]plumbing.Hash{}}
	var wants []plumbing.Hash
	for ref, tip := range server.Refs {
		if _, ok := ClusterOf(ref); !ok {
			continue
		}
		t.tips[ref] = tip
		if known.HasEncodedObject(tip) != nil {
			wants = append(wants, tip)
		}
	}
	if len(wants) == 0 {
		return t, nil
	}
	server.MaxPack = maxNotesPack
	packs := filepath.Join(folder, "objects", "pack")
	keep := func(content io.Reader) error {
		return pack.Keep(ctx, packs, content, pack.Limits{Objects: maxNotesObjects})
	}
	if err := server.Fetch(keep, wants, nil); err != nil {
		return nil, err
	}
	if err := refuseHeavy(folder, NotesPrefix+"*"); err != nil {
		return nil, err
	}
	t.known, err = openNotes(folder)
	return t, err
}

// Clusters are those that have a ref of their own.
func (t *Told) Clusters() []string {
	var names []string
	for ref := range t.tips {
		if name, _ := ClusterOf(ref); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Of is what was said of some commits. What cannot be read of one cluster's notes keeps nobody from reading the others:
// it is returned beside.
func (t *Told) Of(commits []string) (said []Said, trouble []error) {
	for _, ref := range slices.Sorted(maps.Keys(t.tips)) {
		cluster, _ := ClusterOf(ref)
		notes, err := t.notes(t.tips[ref], commits)
		if err != nil {
			trouble = append(trouble, fmt.Errorf("%s: %w", ref, err))
			continue
		}
		for _, commit := range slices.Sorted(maps.Keys(notes)) {
			for _, s := range ParseNote(commit, notes[commit]) {
				said = append(said, Said{Cluster: clusterIn(cluster, s.Context), Status: s})
			}
		}
	}
	return said, trouble
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

// notes are the texts of some commits' notes.
func (t *Told) notes(tip plumbing.Hash, commits []string) (map[string]string, error) {
	c, err := object.GetCommit(t.known, tip)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", tip, err)
	}
	byName := map[string]string{}
	for _, commit := range commits {
		byName[commit] = commit
	}
	found := map[string]string{}
	e := newEditor(t.known)
	e.most = t.most
	return found, e.find(c.TreeHash, 0, byName, found)
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
