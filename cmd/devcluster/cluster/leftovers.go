package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// remembered is what a process file holds. The birth keeps a process that got the same id later from being killed.
type remembered struct {
	PID   int    `json:"pid"`
	Birth string `json:"birth"`
}

func (f Folder) remember(name string, pid int) error {
	text, err := json.Marshal(remembered{pid, birth(pid)})
	if err != nil {
		return err
	}
	return os.WriteFile(f.path("run", name+".json"), text, 0o600)
}

func (f Folder) forget(name string) { _ = os.Remove(f.path("run", name+".json")) }

// sweep ends the processes that an earlier run in this folder left behind. Only the holder of the lock may call it.
func (f Folder) sweep() error {
	files, err := filepath.Glob(f.path("run", "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		var old remembered
		text, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(text, &old) == nil && old.alive() {
			if err := old.kill(); err != nil {
				return fmt.Errorf("process %d, left behind by an earlier run (%s): %w: end it by hand", old.PID, file,
					err)
			}
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// Signal sends a signal to a component of a cluster that is up, by its name.
func (f Folder) Signal(component string, signal syscall.Signal) error {
	if _, err := f.Info(); err != nil {
		return err
	}
	var running remembered
	text, err := os.ReadFile(f.path("run", filepath.Base(component)+".json"))
	if err == nil {
		err = json.Unmarshal(text, &running)
	}
	if err != nil || !running.alive() {
		return fmt.Errorf("no component %q runs: there are etcd, kube-apiserver, kube-controller-manager, "+
			"kube-scheduler and kwok", component)
	}
	return syscall.Kill(running.PID, signal)
}

// Restart kills a component, and has the process that runs the cluster start it again.
func (f Folder) Restart(component string) error {
	mark := f.path("run", filepath.Base(component)+".restart")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return err
	}
	if err := f.Signal(component, syscall.SIGKILL); err != nil {
		_ = os.Remove(mark)
		return err
	}
	return nil
}

// restarting reports, once, whether a component was killed by Restart.
func (f Folder) restarting(component string) bool {
	return os.Remove(f.path("run", component+".restart")) == nil
}

func (r remembered) alive() bool { return r.PID > 1 && r.Birth != "" && birth(r.PID) == r.Birth }

func (r remembered) kill() error {
	if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); r.alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("still there 10 s after it was killed")
		}
	}
	return nil
}
