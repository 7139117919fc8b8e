package main

import (
	"context"
	"encoding/binary"
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

func (r *replica) dateOff() time.Duration { return time.Duration(r.play.faults.dateOff.Load()) }

// clock is the file in which stands by how many seconds the clock of the replica's machine is off, in eight bytes.
func (r *replica) clock() string { return filepath.Join(r.play.dir, r.name+".clock") }

// moveClock sets the clock of the replica's machine, for a binary that reads the file.
func (r *replica) moveClock(by time.Duration) error {
	file, err := os.OpenFile(r.clock(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	seconds := uint64(int64(by.Seconds()))
	_, err = file.Write(binary.NativeEndian.AppendUint64(nil, seconds)) // into what the processes have mapped
	return errors.Join(err, file.Close())
}

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

// crashed is the exit code of a Go program that panics. A usage error has it too, and is none that may be made.
const crashed = 2

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
	if r.starts++; r.starts == 1 {
		if err := r.moveClock(0); err != nil {
			return err
		}
	}
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
	c.Env = append(os.Environ(), "CHAOS_CLOCK="+r.clock())
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = dieWithParent()
	if err := c.Start(); err != nil {
		return err
	}
	r.set(c.Process, gate)
	err = c.Wait()
	r.set(nil, nil)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == crashed {
		r.play.crash.Store(true)
	}
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
