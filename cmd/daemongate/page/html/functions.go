package html

import (
	"html/template"
	"strings"
)

// functions are those of the templates.
var functions = template.FuncMap{"stamp": stamp, "commands": commands}

// commands is a text with the commands in it, which stand between backticks, marked as such.
func commands(text string) template.HTML {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // the last one does not end: it is none
		last := len(parts) - 1
		parts = append(parts[:last-1], parts[last-1]+"`"+parts[last])
	}
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 1 {
			b.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
		} else {
			b.WriteString(template.HTMLEscapeString(part))
		}
	}
	return template.HTML(b.String())
}
