package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// process is one running component.
type process struct {
	command
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// processes starts the components as children of this process and keeps a file for each, by which a later run finds
// what this one could not stop itself.
type processes struct {
	folder Folder
	spawn  chan func()
	all    []*process
	ended  chan *process
}

func newProcesses(folder Folder) *processes {
	p := &processes{folder: folder, spawn: make(chan func()), ended: make(chan *process, 16)}
	go func() {
		// The kernel signals children when the thread that forked them ends: this one ends with the process.
		runtime.LockOSThread()
		for start := range p.spawn {
			start()
		}
	}()
	return p
}

// start runs a component: this same binary, under the component's name.
func (p *processes) start(c command) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := &process{command: c, log: p.folder.Log(c.name), done: make(chan struct{})}
	log, err := os.Create(child.log)
	if err != nil {
		return err
	}
	defer log.Close()
	child.cmd = &exec.Cmd{
		Path: self, Args: append([]string{c.name}, c.args...), Dir: string(p.folder),
		Stdout: log, Stderr: log, SysProcAttr: dieWithParent(),
		Env: append(os.Environ(), "HOME="+string(p.folder), "KUBECONFIG="), // no settings of the user
	}
	started := make(chan error)
	p.spawn <- func() { started <- child.cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	p.all = append(p.all, child)
	go child.wait(p.ended)
	return p.folder.remember(c.name, child.cmd.Process.Pid)
}

func (p *process) wait(ended chan<- *process) {
	_ = p.cmd.Wait() // how it ended is in ProcessState
	close(p.done)
	ended <- p
}

// watch starts a component again that was killed to be started again. Any other one that ends ends the cluster.
func (p *processes) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case child := <-p.ended:
			if !p.folder.restarting(child.name) {
				cancel(child.failure())
				return
			}
			if err := p.start(child.command); err != nil {
				cancel(err)
				return
			}
		}
	}
}

// failure says why a component that should run does not: its last lines and where to read more.
func (p *process) failure() error {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	last := lines[max(0, len(lines)-5):]
	return fmt.Errorf("%s ended (%v), its log %s says last:\n  %s", p.name, p.cmd.ProcessState, p.log,
		strings.Join(last, "\n  "))
}

// stop ends all components at once: nothing of theirs is kept.
func (p *processes) stop() {
	for _, child := range p.all {
		_ = child.cmd.Process.Kill()
	}
	for _, child := range p.all {
		<-child.done
		p.folder.forget(child.name)
	}
	close(p.spawn)
}
