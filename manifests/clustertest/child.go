package clustertest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// child is `devcluster up --foreground`. It ends with this process, however this process ends (on Linux).
type child struct {
	out    *os.File // its stdout
	stderr string   // a file
	stop   func()   // returns when it has ended, with all its components
}

func startChild(binary, dir string, args []string) (*child, error) {
	out, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = write, stderr, dieWithParent()
	ended, err := startOnOwnThread(cmd)
	if err != nil {
		out.Close()
		return nil, err
	}
	return &child{out: out, stderr: stderr.Name(), stop: sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		out.Close()
	})}, nil
}

// startOnOwnThread: the kernel signals a child when the thread that forked it ends, so that thread is kept until the
// child has ended.
func startOnOwnThread(cmd *exec.Cmd) (ended <-chan struct{}, err error) {
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return done, <-started
}

// complaint is what it wrote to stderr.
func (c *child) complaint() string {
	text, _ := os.ReadFile(c.stderr)
	return string(bytes.TrimSpace(text))
}
