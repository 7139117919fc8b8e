package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says which program this is.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion() *cobra.Command {
	format := formatTable
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			b := thisBuild()
			return format.print(c.OutOrStdout(), b, func(w io.Writer) error {
				_, err := io.WriteString(w, b.line())
				return err
			})
		},
	}
	format.addTo(c)
	return c
}

// thisBuild falls back to what the Go tool recorded for a binary that no Makefile built.
func thisBuild() build {
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version
	}
	if v == "" {
		v = "unknown"
	}
	return build{Version: v, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}

// line is the build in one line.
func (b build) line() string {
	return fmt.Sprintf("daemongate %s (%s, %s)\n", b.Version, b.Go, b.Platform)
}
