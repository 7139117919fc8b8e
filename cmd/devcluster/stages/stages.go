// Package stages holds the KWOK Stages by which nodes live and healthy pods start, run and end.
package stages

import (
	"bytes"
	"embed"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
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
		all.WriteString(forKwok(linked(), string(text)))
	}
	return os.WriteFile(name, all.Bytes(), 0o600)
}

// linked is the version of KWOK that is in the binary.
func linked() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "sigs.k8s.io/kwok" {
				return m.Version
			}
		}
	}
	return ""
}

// forKwok has a template call what a version of KWOK knows: up to 0.6 a pod has one address, by a function of another
// name, and the whole template fails for one that is not known.
func forKwok(version, text string) string {
	if strings.HasPrefix(version, "v0.6.") {
		return oneAddress.ReplaceAllString(text, "{{ $$ips := list (PodIPWith $1) }}")
	}
	return text
}

// oneAddress is where the addresses of a pod are asked for.
var oneAddress = regexp.MustCompile(`\{\{ \$ips := PodIPsWith (.*) \}\}`)
