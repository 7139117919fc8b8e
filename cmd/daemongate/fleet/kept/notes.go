package kept

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// notes reads what clusters have told in the notes of one repository. One look at a time uses it.
type notes struct {
	url    string
	auth   gitsource.Source // is read before each fetch
	reach  remote.Reach
	folder string // where what was fetched is kept, nobody else's
}

// How often, and how much in bytes, is fetched before a folder is begun anew: each fetch brings a ref whole. And how
// much all folders may have together.
const (
	mostPacks = 50
	mostBytes = 128 << 20
	mostOfAll = 512 << 20
)

// read reads what is said of commits, and what could not be read of single clusters' notes.
func (n *notes) read(ctx context.Context, commits []string) (said []forge.Said, left []error, err error) {
	auth, err := n.auth(ctx)
	if err != nil {
		return nil, nil, err
	}
	to, err := remote.New(n.url, auth, remote.Options{Reach: n.reach})
	if err != nil {
		return nil, nil, err
	}
	defer to.Close()
	if packs, size := n.size(); packs >= mostPacks || size > mostBytes {
		n.drop()
	}
	if err := os.MkdirAll(n.folder, 0o700); err != nil {
		return nil, nil, err
	}
	told, err := forge.ReadNotes(ctx, to, n.folder)
	if err != nil {
		n.drop()
		return nil, nil, err
	}
	said, left = told.Of(commits)
	return said, left, nil
}

// drop removes what was fetched. What cannot be removed is in the way of the next fetch, which says so.
func (n *notes) drop() { _ = os.RemoveAll(n.folder) }

// size is how many packs the folder has, and how many bytes.
func (n *notes) size() (packs int, bytes int64) {
	_ = filepath.WalkDir(n.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // what is gone has no size
		}
		info, err := entry.Info()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			bytes += info.Size()
		}
		if filepath.Ext(path) == ".pack" {
			packs++
		}
		return nil
	})
	return packs, bytes
}
