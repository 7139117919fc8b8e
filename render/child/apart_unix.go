//go:build unix

package child

import (
	"os/exec"
	"syscall"
)

// apart keeps the signals of the terminal from a child: its parent ends it.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
