package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrUp is returned for a cluster that somebody else runs already.
var ErrUp = errors.New("it is up already")

// lock makes this process the one that runs the cluster, until it closes the file or dies. Children do not inherit it.
func (f Folder) lock() (*os.File, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, err
	}
	file, err := flock(f.path("lock"))
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("cluster in %s: %w: use it, or stop it by devcluster down", f, ErrUp)
	}
	return file, err
}

// locked reports whether some process runs the cluster.
func (f Folder) locked() bool {
	file, err := flock(f.path("lock"))
	if err != nil {
		return errors.Is(err, syscall.EWOULDBLOCK)
	}
	file.Close()
	return false
}

func flock(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// portFolder is shared by all clusters of this user, so that two that start at once do not take the same port between
// looking for a free one and listening on it.
func portFolder() string {
	return filepath.Join(os.TempDir(), "devcluster-ports-"+strconv.Itoa(os.Getuid()))
}
