package plan

import (
	"errors"
	"io"
	"strings"

	"github.com/daemongate/daemongate/cmd/daemongate/encoded"
	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
)

// format is how the answer is printed: the value of the flag -o.
type format string

const (
	asText     format = "text"
	asJSON     format = "json"
	asYAML     format = "yaml"
	asMarkdown format = "markdown"
)

// Set, String and Type make it a flag.
func (f *format) Set(s string) error {
	switch v := format(s); v {
	case "table": // as the other commands have it
		*f = asText
		return nil
	case asText, asJSON, asYAML, asMarkdown:
		*f = v
		return nil
	}
	return errors.New("want text, json, yaml or markdown")
}

func (f *format) String() string { return string(*f) }

// Type names the flag's value in the help.
func (f *format) Type() string { return "format" }

func (f format) write(out io.Writer, a *answer.Answer, names bool) error {
	text := ""
	switch f {
	case asJSON:
		return encoded.JSON(out, a)
	case asYAML:
		return encoded.YAML(out, a)
	case asMarkdown:
		text = strings.Join(a.Markdown(names), "\n")
	default:
		text = a.Text()
	}
	_, err := io.WriteString(out, text)
	return err
}
