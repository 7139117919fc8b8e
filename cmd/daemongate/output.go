package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/daemongate/daemongate/cmd/daemongate/encoded"
)

// format is how a reading command prints: the value of its flag -o.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
)

// addTo gives the command the flag -o, with f's present value as the default.
func (f *format) addTo(c *cobra.Command) {
	c.Flags().VarP(f, "output", "o", "table, json or yaml")
	// The only error is a flag that does not exist.
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]cobra.Completion{string(formatTable), string(formatJSON), string(formatYAML)},
		cobra.ShellCompDirectiveNoFileComp))
}

// Set, String and Type make it a flag.
func (f *format) Set(s string) error {
	switch v := format(s); v {
	case formatTable, formatJSON, formatYAML:
		*f = v
		return nil
	}
	return fmt.Errorf("want table, json or yaml")
}

func (f *format) String() string { return string(*f) }

// Type names the flag's value in the help.
func (f *format) Type() string { return "format" }

// print writes value as JSON or YAML, or else what table writes for people.
func (f format) print(w io.Writer, value any, table func(io.Writer) error) error {
	switch f {
	case formatJSON:
		return encoded.JSON(w, value)
	case formatYAML:
		return encoded.YAML(w, value)
	default:
		return table(w)
	}
}
