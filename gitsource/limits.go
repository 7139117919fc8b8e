package gitsource

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// limits are what a mirror may cost on disk. Nothing is ever removed from one, nor are its packs merged: when it has
// come to a limit, it is made anew.
type limits struct {
	packs  int
	growth int   // times the size when it was made anew
	small  int64 // bytes of growth that do not count
	pack   int64 // bytes of one fetch; 0 is any number
}

// sizeFile is in a mirror's repository, and holds its size in bytes when it was made anew. The size that it has grown
// to is compared with that, and not with a fixed one: a repository that is large would be made anew at every fetch.
const sizeFile = "daemongate-size"

// passed is true of a repository that is to be made anew.
func (l limits) passed(dir string) bool {
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err == nil && len(packs) >= l.packs {
		return true
	}
	text, err := os.ReadFile(filepath.Join(dir, sizeFile))
	if err != nil {
		_ = weigh(dir) // it counts from now on
		return false
	}
	fresh, err := strconv.ParseInt(string(text), 10, 64)
	return err != nil || size(dir) > fresh*int64(l.growth)+l.small
}

// weigh notes the size of a repository.
func weigh(dir string) error {
	return os.WriteFile(filepath.Join(dir, sizeFile), strconv.AppendInt(nil, size(dir), 10), 0o600)
}

// size is what a folder holds, in bytes. What goes away meanwhile is not counted.
func size(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // see above
		}
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
