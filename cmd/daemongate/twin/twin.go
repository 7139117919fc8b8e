// Package twin gives flags a twin in the environment, by which they can be set where there is no command line of one's
// own: in a container, or for every command of a shell. A flag that says what one command is to do has none.
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

// deeds are the flags that say what one command is to do, or why: on whom it works, what it leaves undone, whom it
// tells. A variable is for every command of a shell that has the flag, and would make `fleet --all` a `suspend --all`.
var deeds = map[string]bool{
	"all": true, "lift": true, "full": true, "suspend": true, // what is stopped, or let go
	"override-window": true, "stage": true,
	"dry-run": true, "export": true, "export-chart": true, // that something else is left undone
	"comment": true, "reason": true, // what others are told
}

// Has says whether a flag has a twin: all but those that say what one command is to do, and those that ask for
// something else than the command.
func Has(flag string) bool { return flag != "help" && flag != "version" && !deeds[flag] }

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
// A variable for a flag of one command is refused: whoever believes in DAEMONGATE_DRY_RUN must not be left to it.
func Read(c *cobra.Command) error {
	var bad []error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(Of(f.Name))
		switch {
		case f.Changed || value == "":
		case deeds[f.Name]:
			bad = append(bad, fmt.Errorf("%s is set, but what one command is to do is said on its command line alone: "+
				"give --%s there, or unset the variable", Of(f.Name), f.Name))
		case Has(f.Name):
			if err := c.Flags().Set(f.Name, value); err != nil {
				bad = append(bad, fmt.Errorf("%s=%s, which stands for --%s: %w", Of(f.Name), value, f.Name,
					reason(err)))
			}
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
