// Package twin gives each flag a twin in the environment, by which it can be set where there is no command line of
// one's own: in a container, or for every command of a shell.
package twin

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Of is the variable for a flag: --log-level and DAEMONGATE_LOG_LEVEL.
func Of(flag string) string {
	return "DAEMONGATE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Has says whether a flag has a twin: all but those that ask for something else than the command.
func Has(flag string) bool { return flag != "help" && flag != "version" }

// Attach has each command that is run, from root on, read the twins of its flags before it looks at its arguments, and
// name them in its help. A value that is none becomes what misuse makes of it.
func Attach(root *cobra.Command, misuse func(*cobra.Command, error) error) {
	root.LocalFlags().VisitAll(describe)
	if check := root.Args; root.Runnable() {
		root.Args = func(c *cobra.Command, args []string) error {
			if err := Read(c); err != nil {
				return misuse(c, err)
			}
			if check == nil {
				return nil
			}
			return check(c, args)
		}
	}
	for _, below := range root.Commands() {
		Attach(below, misuse)
	}
}

// describe names the twin of a flag in its help. The value is the environment's, and is not shown.
func describe(f *pflag.Flag) {
	if Has(f.Name) {
		f.Usage += " [$" + Of(f.Name) + "]"
	}
}

// Read sets the flags of a command that are not on its command line and have a twin with a value. An empty one is none.
func Read(c *cobra.Command) error {
	var bad []error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(Of(f.Name))
		if f.Changed || value == "" || !Has(f.Name) {
			return
		}
		if err := c.Flags().Set(f.Name, value); err != nil {
			bad = append(bad, fmt.Errorf("%s=%s, which stands for --%s: %w", Of(f.Name), value, f.Name, reason(err)))
		}
	})
	return errors.Join(bad...)
}

// reason leaves out what pflag says of a flag that nobody has given.
func reason(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.Unwrap() != nil {
		return invalid.Unwrap()
	}
	return err
}
