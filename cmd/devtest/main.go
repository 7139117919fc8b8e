// Command devtest runs `go test` in several modules at once, and prints what `go test` prints: a line for each package,
// and all that a failed test said. At the end it prints the slowest tests, because one test can cost as much as all
// others. Its exit status is 1 if that of a `go test` is not 0.
//
//	devtest FOLDER ARGUMENTS-OF-GO-TEST [-- FOLDER ARGUMENTS-OF-GO-TEST]...
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// slowest is how many tests the table has.
const slowest = 10

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: devtest FOLDER ARGUMENTS-OF-GO-TEST [-- FOLDER ARGUMENTS-OF-GO-TEST]...")
		os.Exit(2)
	}
	// The tests get the signal too, and end. What they say of it is still to be printed.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	if err := run(os.Stdout, split(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// split cuts the arguments at each --.
func split(args []string) (groups [][]string) {
	for {
		end := slices.Index(args, "--")
		if end < 0 {
			return append(groups, args)
		}
		groups, args = append(groups, args[:end]), args[end+1:]
	}
}

// run runs a `go test` for each group of arguments, all at once.
func run(out io.Writer, groups [][]string) error {
	r, errs := newReport(out), make([]error, len(groups))
	var running sync.WaitGroup
	for i, g := range groups {
		running.Go(func() { errs[i] = goTest(r, g[0], g[1:]) })
	}
	running.Wait()
	r.table(slowest)
	return errors.Join(errs...)
}

func goTest(r *report, folder string, args []string) error {
	c := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	c.Dir, c.Stderr = folder, os.Stderr
	events, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	err = r.read(events)
	if waited := c.Wait(); waited != nil {
		err = fmt.Errorf("go test in %s: %w", folder, waited)
	}
	return err
}
