package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// replica is one of the controllers of a run: a process that is started again whenever it ends, as a Deployment does.
type replica struct {
	name string
	play *play
	done chan struct{}

	mu      sync.Mutex
	starts  int
	process *os.Process
	gate    *gateway
	woken   bool // and has written nothing since
}

func (r *replica) writes(what step, forward func()) bool { return r.play.faults.step(r, what, forward) }

func (r *replica) renews() { r.play.faults.leader.Store(r) }

func (r *replica) woke() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.woken
	r.woken = false
	return was
}

// wake lets the present process go on.
func (r *replica) wake() {
	r.mu.Lock()
	r.woken = true
	r.mu.Unlock()
	r.signal(syscall.SIGCONT)
}

// startAgain is how long a process that ended is not started again.
const startAgain = 300 * time.Millisecond

// keep keeps a process running until ctx ends. It holds the thread that starts it: the kernel ends the child with that.
func (r *replica) keep(ctx context.Context, out io.Writer) {
	defer close(r.done)
	runtime.LockOSThread()
	for ctx.Err() == nil {
		if err := r.once(ctx, out); err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(out, "%s ended: %v\n", r.name, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(startAgain):
		}
	}
}

// once runs one process to its end, with a way to the API server of its own.
func (r *replica) once(ctx context.Context, out io.Writer) error {
	r.starts++
	kubeconfig := filepath.Join(r.play.dir, r.name+".kubeconfig")
	agent := fmt.Sprintf("%s%s.%d", controllers, r.name, r.starts)
	gate, err := openGateway(r.play.account, agent, kubeconfig, r)
	if err != nil {
		return err
	}
	defer gate.close()
	c := exec.CommandContext(ctx, r.play.binary(r), "run", "--namespace", r.play.namespace, "--kubeconfig", kubeconfig,
		"--require-service-account", "--data-dir", filepath.Join(r.play.dir, r.name),
		"--lease-name", r.play.namespace, "--lease-duration", leaseTime.String())
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 30 * time.Second
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = dieWithParent()
	if err := c.Start(); err != nil {
		return err
	}
	r.set(c.Process, gate)
	err = c.Wait()
	r.set(nil, nil)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (r *replica) set(p *os.Process, g *gateway) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process, r.gate, r.woken = p, g, false
}

// signal sends the present process a signal.
func (r *replica) signal(s os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil {
		_ = r.process.Signal(s)
	}
}

// cut ends the connections of the present process.
func (r *replica) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gate != nil {
		r.gate.cut()
	}
}
