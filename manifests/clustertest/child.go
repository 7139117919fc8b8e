package clustertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Child is a server that stays in the foreground, such as `devcluster up --foreground`. It ends with this process,
// however this process ends (on Linux).
type Child struct {
	out    *os.File // its stdout
	stderr string   // a file
	stop   func()
}

// StartChild starts a server, which writes its errors to a file in dir.
func StartChild(binary, dir string, args ...string) (*Child, error) {
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
	// A control plane collects a quarter as often what it no longer needs: the tests share few processors, not memory.
	cmd.Env = append([]string{"GOGC=400"}, os.Environ()...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = write, stderr, dieWithParent()
	ended, err := startOnOwnThread(cmd)
	if err != nil {
		out.Close()
		return nil, err
	}
	return &Child{out: out, stderr: stderr.Name(), stop: sync.OnceFunc(func() {
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

// Stop ends it, and returns when it has ended with all that it started.
func (c *Child) Stop() { c.stop() }

// Ready waits, for no longer than the patience, for the line "prefix {…}" by which the server says that it works and
// how to reach it, and decodes its JSON. If that does not come the child is stopped and the error is what it wrote to
// stderr.
func (c *Child) Ready(prefix string, patience time.Duration, info any) error {
	timeout := time.AfterFunc(patience, c.stop)
	defer timeout.Stop()
	lines := bufio.NewScanner(c.out)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), prefix)
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), info); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		return nil
	}
	c.stop()
	return fmt.Errorf("did not get ready: %s", c.complaint())
}

// complaint is what it wrote to stderr.
func (c *Child) complaint() string {
	text, _ := os.ReadFile(c.stderr)
	return string(bytes.TrimSpace(text))
}
