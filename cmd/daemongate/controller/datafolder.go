package controller

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	gosync "sync"
	"time"
)

// ownFolder says why a data folder may not be used: what is in it is believed, so that it, what is in it, and a link
// that leads to it must belong to the user of this process or, as an emptyDir does, to the system's administrator.
func ownFolder(dir string, user int) error {
	for _, at := range []string{dir, filepath.Join(dir, "mirrors"), filepath.Join(dir, "notes"),
		filepath.Join(dir, fleetsFolder)} {
		for _, look := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
			info, err := look(at)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				return fmt.Errorf("data folder: %w", err)
			}
			if owner, known := ownerOf(info); known && owner != 0 && owner != user {
				return fmt.Errorf("data folder %s belongs to another user (number %d), who could put anything there: "+
					"name a folder of your own with --data-dir", at, owner)
			}
		}
	}
	return nil
}

// writable says why nothing can be written in a data folder, which is made if it is missing.
func writable(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, ".probe-"); err == nil {
			_, err = probe.WriteString("x")
			err = errors.Join(err, probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("data folder %s: nothing can be written there: %w: make it writable, or name another one "+
			"with --data-dir", dir, err)
	}
	return nil
}

// folder is a data folder that is looked at now and then.
type folder struct {
	dir string

	mu   gosync.Mutex
	seen time.Time
	err  error
}

// folderPause is how long what was seen of the folder is good for: anybody may ask.
const folderPause = 10 * time.Second

// trouble says why nothing can be written in it.
func (f *folder) trouble(now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if age := now.Sub(f.seen); f.seen.IsZero() || age < 0 || age >= folderPause {
		f.seen, f.err = now, writable(f.dir)
	}
	return f.err
}
