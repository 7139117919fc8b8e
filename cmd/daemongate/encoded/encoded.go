// Package encoded writes answers for scripts, in one way for all commands.
package encoded

import (
	"encoding/json"
	"io"

	"sigs.k8s.io/yaml"
)

// JSON writes a value with its fields below each other, and its texts as they are.
func JSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// YAML writes a value by the same names of its fields.
func YAML(w io.Writer, value any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
