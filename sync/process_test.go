package sync

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	gosync "sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// process is Daemongate's own binary at work for one world.
type process struct {
	*exec.Cmd
	ended chan struct{} // closed when it has
	kill  func()        // as by kill -9; returns when it has ended
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
	return w.spawn(exec.Command(w.binary(), append(w.runArguments(), args...)...))
}

func (w *world) binary() string {
	w.t.Helper()
	binary, err := binaryOnce()
	w.check(err)
	return binary
}

// runArguments look after this world alone, beside the processes of other ones.
func (w *world) runArguments() []string {
	return []string{"run", "--kubeconfig=" + w.cluster.Kubeconfig, "--namespace=" + w.namespace, "--lease-namespace=" +
		w.namespace, "--data-dir=" + w.work + "-data"}
}

// endLease has the next process not wait for the Lease of one that is dead, as a person does who knows that it is.
func (w *world) endLease() {
	w.t.Helper()
	err := w.kube.CoordinationV1().Leases(w.namespace).Delete(context.Background(), "daemongate",
		metav1.DeleteOptions{})
	if !apierrors.IsNotFound(err) {
		w.check(err)
	}
}

func (w *world) spawn(command *exec.Cmd) *process {
	w.t.Helper()
	w.endLease()
	p := &process{Cmd: command, ended: make(chan struct{})}
	p.Stdout, p.Stderr = w.t.Output(), w.t.Output()
	w.check(p.Start())
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	p.kill = func() {
		_ = p.Process.Kill()
		<-p.ended
	}
	w.t.Cleanup(p.kill)
	return p
}
