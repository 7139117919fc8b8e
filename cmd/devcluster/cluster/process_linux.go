package cluster

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// dieWithParent: the kernel kills the child when its parent ends, however it ends. A group of its own keeps Ctrl-C in
// the terminal from reaching it before the parent.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// birth tells two processes with the same id apart: the boot, and the clock tick in it at which the process started
// (proc(5), field 22 of stat; the second field may itself hold spaces and parentheses). Empty if there is none.
func birth(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" { // a zombie has ended
		return ""
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(boot)) + "/" + fields[19]
}
