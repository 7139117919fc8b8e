package alerts

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// Matcher says which alerts count, as Alertmanager and Prometheus write it: a label, =, !=, =~ or !~, and a value in
// double quotes. A label that an alert does not have is empty to it, and an expression must match the whole value.
type Matcher struct {
	Label, Op, Value string
	expression       *regexp.Regexp
}

// A control character in a value must be escaped: none goes through to a log or a terminal.
var shape = regexp.MustCompile(`^ *([a-zA-Z_][a-zA-Z0-9_]*) *(=~|!~|!=|=) *("(?:[^"\\\x00-\x1f\x7f-\x9f]|` +
	`\\[^\x00-\x1f\x7f-\x9f])*") *$`)

// ParseMatcher reads one, such as severity="page".
func ParseMatcher(text string) (Matcher, error) {
	parts := shape.FindStringSubmatch(text)
	if parts == nil {
		return Matcher{}, fmt.Errorf(`matcher %q: it must be a label, one of = != =~ !~, and a value in double `+
			`quotes without control characters, such as severity="page"`, text)
	}
	m := Matcher{Label: parts[1], Op: parts[2]}
	var err error
	if m.Value, err = strconv.Unquote(parts[3]); err != nil {
		return Matcher{}, fmt.Errorf("matcher %q: its value is not quoted as in JSON", text)
	}
	if m.Op == "=~" || m.Op == "!~" {
		if m.expression, err = regexp.Compile("^(?:" + m.Value + ")$"); err != nil {
			return Matcher{}, fmt.Errorf("matcher %q: its value is no regular expression: %w", text, err)
		}
	}
	return m, nil
}

// ParseMatchers reads several.
func ParseMatchers(texts []string) ([]Matcher, error) {
	var list []Matcher
	var problems []error
	for _, text := range texts {
		m, err := ParseMatcher(text)
		list, problems = append(list, m), append(problems, err)
	}
	return list, errors.Join(problems...)
}

// Matches reports whether an alert with these labels counts.
func (m Matcher) Matches(labels map[string]string) bool {
	value := labels[m.Label]
	switch m.Op {
	case "=":
		return value == m.Value
	case "!=":
		return value != m.Value
	case "=~":
		return m.expression.MatchString(value)
	}
	return !m.expression.MatchString(value)
}

// String is what Alertmanager is asked by.
func (m Matcher) String() string { return m.Label + m.Op + strconv.Quote(m.Value) }
