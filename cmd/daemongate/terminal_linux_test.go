package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// terminal is a terminal with a process before it, as over ssh.
type terminal struct {
	t       testing.TB
	master  *os.File
	process *exec.Cmd

	mu       sync.Mutex
	screen   *vt.Emulator
	recorded recording
	over     chan struct{} // nothing more comes
}

// onTerminal starts the binary before a terminal of a size.
func onTerminal(t testing.TB, width, height int, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	fd := int(master.Fd())
	check(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	check(t, err)
	check(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(height), Col: uint16(width)}))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	defer slave.Close()
	w := &terminal{t: t, master: master, screen: vt.NewEmulator(width, height), over: make(chan struct{}),
		recorded: recording{width: width, height: height}}
	w.process = exec.CommandContext(t.Context(), os.Args[0], args...)
	w.process.Env = append(os.Environ(), asProcess+"=1", "TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=", "NO_COLOR=",
		"ACCESSIBLE=")
	w.process.Stdin, w.process.Stdout, w.process.Stderr = slave, slave, slave
	w.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, w.process.Start())
	go func() { _, _ = io.Copy(w, master); close(w.over) }()
	go func() { _, _ = io.Copy(master, w.screen) }() // what a terminal answers to questions about it
	t.Cleanup(func() { _ = master.Close() })
	return w
}

// Write is what comes from the process.
func (w *terminal) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recorded.take(p)
	return w.screen.Write(p)
}

// text is what stands on the screen.
func (w *terminal) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return textOf(w.screen)
}

func textOf(screen *vt.Emulator) string {
	var b strings.Builder
	for y := range screen.Height() {
		for x := range screen.Width() {
			if c := screen.CellAt(x, y); c != nil {
				b.WriteString(c.Content)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// until waits for all of some texts to stand on the screen at once.
func (w *terminal) until(texts ...string) {
	w.t.Helper()
	clustertest.Until(w.t, 3*time.Minute, fmt.Sprintf("%q to be on the screen", texts), func() (string, bool) {
		on := w.text()
		for _, text := range texts {
			if !strings.Contains(on, text) {
				return on, false
			}
		}
		return on, true
	})
}

func (w *terminal) press(keys string) {
	w.t.Helper()
	_, err := io.WriteString(w.master, keys)
	check(w.t, err)
}

// ends waits for the process to have ended well, and for all that it has written.
func (w *terminal) ends() {
	w.t.Helper()
	if err := w.process.Wait(); err != nil {
		w.t.Errorf("%s: %v\n%s", strings.Join(w.process.Args, " "), err, w.text())
	}
	<-w.over // the other end is closed
	w.recorded.holds(w.t, w.text())
}
