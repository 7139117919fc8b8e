package kept

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// notes reads what clusters have told in the notes of one repository. One look at a time uses it.
type notes struct {
	reader *forge.NotesReader
	folder string // where what was fetched is kept, nobody else's
}

// How much in bytes is fetched before a folder is begun anew, and how much all folders may have together.
const (
	mostBytes = 128 << 20
	mostOfAll = 512 << 20
)

// newNotes has notes be read with credentials that are read before each fetch.
func newNotes(url string, auth gitsource.Source, folder string, reach remote.Reach) *notes {
	return &notes{forge.NewNotesReader(url, auth, folder, reach), folder}
}

// read reads what is said of commits where the refs are, and what could not be read of single clusters' notes.
func (n *notes) read(ctx context.Context, tips map[string]string, commits []string) (said []forge.Said, left []error,
	err error) {
	if n.size() > mostBytes {
		n.drop()
	}
	heard, err := n.reader.Read(ctx, tips, commits)
	if err != nil {
		return nil, nil, err
	}
	said, left = forge.SaidOf(heard, commits)
	return said, left, nil
}

// drop removes what was fetched. What cannot be removed is in the way of the next fetch, which says so.
func (n *notes) drop() { _ = os.RemoveAll(n.folder) }

// size is how many bytes the folder has.
func (n *notes) size() (bytes int64) {
	_ = filepath.WalkDir(n.folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // what is gone has no size
		}
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
