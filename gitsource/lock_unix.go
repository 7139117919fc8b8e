//go:build unix

package gitsource

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock keeps other processes, and other goroutines, from doing the same to a mirror. The kernel lets go of it when a
// process dies. It is waited for by asking again and again, because a wait in the kernel does not end with a context.
func lock(ctx context.Context, home, what string) (unlock func(), err error) {
	const pause = 20 * time.Millisecond
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(home, what+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			f.Close()
			return nil, errors.New("another process is writing to the mirror")
		}
	}
}
