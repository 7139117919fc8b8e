package cluster

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Down stops the cluster, or what a run that was killed has left of it. A cluster that is not up is fine.
func (f Folder) Down() error {
	if info, err := f.Info(); err == nil {
		if err := syscall.Kill(info.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop process %d: %w", info.PID, err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); f.locked(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("cluster in %s: it is still there 20 s after it was told to stop: end it by hand", f)
		}
	}
	lock, err := f.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	return f.sweep()
}
