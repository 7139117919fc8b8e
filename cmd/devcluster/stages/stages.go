// Package stages holds the KWOK Stages by which nodes live and healthy pods start, run and end.
package stages

import (
	"bytes"
	"embed"
	"os"
)

//go:embed *.yaml
var files embed.FS

// Write writes KWOK's configuration with all Stages to a file.
func Write(name string) error {
	entries, err := files.ReadDir(".")
	if err != nil {
		return err
	}
	var all bytes.Buffer
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			return err
		}
		all.WriteString("---\n")
		all.Write(text)
	}
	return os.WriteFile(name, all.Bytes(), 0o600)
}
