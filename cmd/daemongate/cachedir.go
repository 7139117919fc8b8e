package main

import (
	"os"
	"path/filepath"
)

// cacheDir is where the mirrors of repositories are, unless a flag says otherwise. All of it can be deleted.
func cacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "daemongate")
	}
	return filepath.Join(os.TempDir(), "daemongate")
}
