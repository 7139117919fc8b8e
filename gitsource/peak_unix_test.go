//go:build unix

package gitsource_test

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// peakMB is the most resident memory that this process had, in MB. Linux counts what a process had before it began the
// program, too, which is what its parent had (exec_mmap in fs/exec.c): there the program's own is read.
func peakMB() (float64, error) {
	if runtime.GOOS == "linux" {
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if kb, is := strings.CutPrefix(line, "VmHWM:"); is {
				n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
				return n * 1024 / 1e6, err
			}
		}
		return 0, errors.New("/proc/self/status has no VmHWM")
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, err
	}
	if runtime.GOOS == "darwin" { // in bytes there
		return float64(used.Maxrss) / 1e6, nil
	}
	return float64(used.Maxrss) * 1024 / 1e6, nil
}

// processorTime is what this process and those that it has started and that have ended have taken of the processors.
func processorTime(b *testing.B) (all time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if err := syscall.Getrusage(who, &used); err != nil {
			b.Fatal(err)
		}
		all += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return all
}
