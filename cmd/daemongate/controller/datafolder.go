package controller

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ownFolder says why a data folder may not be used: what is in it is believed, so that it, what is in it, and a link
// that leads to it must belong to the user of this process or, as an emptyDir does, to the system's administrator.
func ownFolder(dir string, user int) error {
	for _, at := range []string{dir, filepath.Join(dir, "mirrors"), filepath.Join(dir, "notes")} {
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
