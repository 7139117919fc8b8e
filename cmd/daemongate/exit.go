package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// outcome is an answer that was printed and that the exit code repeats for scripts. It passes through the commands as
// an error, because a command has no other way out, but it is none.
type outcome int

// The exit codes of every command.
const (
	fine     outcome = 0
	failed   outcome = 1
	misused  outcome = 2
	stuck    outcome = 3
	timedOut outcome = 4
)

func (o outcome) Error() string { return fmt.Sprintf("exit code %d", int(o)) }

// usageError is a command line that asks for nothing that the program can do.
type usageError struct {
	err     error
	command string // whose help says more
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(c *cobra.Command, err error) error {
	return &usageError{err: err, command: c.CommandPath()}
}

// arguments makes what is wrong with the number of arguments a usageError, which shows how the command is called.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage(c, fmt.Errorf("%w: %s", err, c.UseLine()))
		}
		return nil
	}
}

// conclude prints what run returned, unless it was an answer that is printed already, and gives the exit code.
func conclude(err error, stderr io.Writer) int {
	var answer outcome
	var misuse *usageError
	switch {
	case err == nil:
		return int(fine)
	case errors.As(err, &answer):
		return int(answer)
	case errors.As(err, &misuse):
		_, _ = fmt.Fprintf(stderr, "daemongate: %v\nSee '%s --help'.\n", err, misuse.command)
		return int(misused)
	default:
		_, _ = fmt.Fprintf(stderr, "daemongate: %v\n", err)
		return int(failed)
	}
}
