package sync

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	gosync "sync"
)

// process is Daemongate's own binary at work for one world.
type process struct {
	*exec.Cmd
	kill func() // as by kill -9; returns when it has ended
}

var binaryDir string

// binaryOnce builds the binary once for all tests.
var binaryOnce = gosync.OnceValues(func() (binary string, err error) {
	if binaryDir, err = os.MkdirTemp("", "daemongate-test-"); err != nil {
		return "", err
	}
	binary = filepath.Join(binaryDir, "daemongate")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/daemongate").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return binary, nil
})

func removeBinary() {
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
}

// process starts it, with the data that an earlier one of this world left behind.
func (w *world) process(args ...string) *process {
	w.t.Helper()
	binary, err := binaryOnce()
	w.check(err)
	args = append([]string{"run", "--kubeconfig=" + w.cluster.Kubeconfig, "--namespace=" + w.namespace, "--data-dir=" + w.work + "-data"}, args...)
	p := &process{Cmd: exec.Command(binary, args...)}
	p.Stdout, p.Stderr = w.t.Output(), w.t.Output()
	w.check(p.Start())
	p.kill = gosync.OnceFunc(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	w.t.Cleanup(p.kill)
	return p
}
