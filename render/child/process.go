package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// process is a child, ready for its one job or at it.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     io.ReadCloser
	errs    *beginning
	ended   func() error // waits for its end, of its own accord or not
}

// start starts this very program once more, as a child: without environment, and with no files but three pipes. It ends
// when the pipe to it does, and so with its parent.
func start() (*process, error) {
	program, err := self()
	if err != nil {
		return nil, fmt.Errorf("start a process that renders: %w", err)
	}
	return startAs(exec.Command(program, argument))
}

func startAs(command *exec.Cmd) (*process, error) {
	p := &process{command: command, errs: &beginning{}}
	var err error
	p.command.Env = []string{}
	p.command.Dir = "/"
	p.command.WaitDelay = time.Second // for who else holds its pipes
	p.command.Stderr = p.errs
	apart(p.command)
	p.in, err = p.command.StdinPipe()
	if err == nil {
		p.out, err = p.command.StdoutPipe()
	}
	if err == nil {
		keepFiles()
		err = p.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start a process that renders: %w", err)
	}
	p.ended = sync.OnceValue(p.command.Wait)
	return p, nil
}

// self is this program, also when its file has been replaced meanwhile.
func self() (string, error) {
	const running = "/proc/self/exe"
	if runtime.GOOS == "linux" {
		if _, err := os.Stat(running); err == nil {
			return running, nil
		}
	}
	return os.Executable()
}

// end kills the process, if it is still there, and returns when it is gone.
func (p *process) end() {
	_ = p.command.Process.Kill()
	_ = p.ended()
}

// send sends it a job, or a reply.
func (p *process) send(value any) error { return json.NewEncoder(p.in).Encode(value) }

// exitCrash is the exit code of a Go program that crashes, as it does when the kernel gives it no more memory (see
// confine).
const exitCrash = 2

// lost says why a process gave no answer, once it has ended.
func (p *process) lost(folder string, limit int64) error {
	err := p.ended()
	var exit *exec.ExitError
	said := p.errs.String()
	switch {
	case errors.As(err, &exit) &&
		(exit.ExitCode() == exitMemory || exit.ExitCode() == exitCrash && isOutOfMemory(said)):
		return &MemoryError{Folder: folder, Limit: limit}
	case err == nil:
		return &LostError{Folder: folder, Reason: "it gave no answer"}
	}
	if why := crashOf(said); why != "" {
		return &LostError{Folder: folder, Reason: fmt.Sprintf("%v: %s", err, why)}
	}
	return &LostError{Folder: folder, Reason: err.Error()}
}

// crashOf is what Go's runtime says first of why it ends a program; "" if it says nothing. The words of a panic are
// left out: they may hold what was rendered.
func crashOf(said string) string {
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "fatal error: "), strings.HasPrefix(line, "runtime: "),
			strings.HasPrefix(line, "runtime/cgo: "):
			return line
		case strings.HasPrefix(line, "panic: "):
			return "it panicked"
		}
	}
	return ""
}

// isOutOfMemory reports whether Go's runtime ended a program because the kernel gave it no more memory. It asks for
// some in many places, and has words of its own in each.
func isOutOfMemory(said string) bool {
	for line := range strings.Lines(said) {
		why, fatal := strings.CutPrefix(line, "fatal error: ")
		if fatal && (strings.Contains(why, "out of memory") || strings.Contains(why, "cannot allocate") ||
			strings.Contains(why, "cannot map") || strings.Contains(why, "failed to reserve")) {
			return true
		}
	}
	return false
}

// beginning keeps the first of what is written to it: a crash says first why.
type beginning struct {
	mu   sync.Mutex
	text []byte
}

const longestBeginning = 1 << 10

func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p[:min(len(p), longestBeginning-len(b.text))]...)
	return len(p), nil
}

func (b *beginning) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
