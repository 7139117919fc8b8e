package sync

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// notes are what a repository's notes said when they were last read.
type notes struct {
	mu   gosync.Mutex
	refs string
	of   map[string]string // by commit
}

// note is what the repository's notes say of a commit. Git is started only if a ref has changed since: who waits for a
// note looks ten times a second.
func (w *world) note(commit string) string {
	refs := w.noteRefs()
	w.notes.mu.Lock()
	defer w.notes.mu.Unlock()
	if w.notes.refs != refs {
		w.notes.refs, w.notes.of = refs, map[string]string{}
	}
	text, known := w.notes.of[commit]
	if !known {
		text = w.git("--git-dir="+w.url, "log", "-1", "--notes=daemongate*", "--format=%N", commit)
		w.notes.of[commit] = text
	}
	return text
}

// noteRefs are the refs of notes and what they lead to, as they lie in the repository.
func (w *world) noteRefs() string {
	var all strings.Builder
	packed, _ := os.ReadFile(filepath.Join(w.url, "packed-refs")) // there may be none
	all.Write(packed)
	_ = filepath.WalkDir(filepath.Join(w.url, "refs", "notes"), func(path string, _ fs.DirEntry, _ error) error {
		leads, _ := os.ReadFile(path) // a folder, or a ref that is being written: the next look sees it
		all.WriteString(path + " " + string(leads))
		return nil
	})
	return all.String()
}

// told waits until the repository's notes say something of a commit.
func (w *world) told(commit, text string) {
	w.t.Helper()
	w.wait("the note of "+api.Short(commit), func(api.SyncStatus) bool {
		return strings.Contains(w.note(commit), text)
	})
}
