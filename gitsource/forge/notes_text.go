package forge

import (
	"slices"
	"strings"
)

// merge writes statuses of one commit into its note: a line each, in the place of its context's line if there is one.
// All other lines stay as they are.
func merge(note string, statuses []Status) string {
	lines := strings.Split(strings.TrimRight(note, "\n"), "\n")
	if note == "" {
		lines = nil
	}
	for _, s := range statuses {
		at := slices.IndexFunc(lines, s.sameContext)
		if at < 0 {
			lines = append(lines, s.line())
			continue
		}
		lines[at] = s.line()
		// Git's merge of notes may have doubled it.
		lines = append(lines[:at+1], slices.DeleteFunc(lines[at+1:], s.sameContext)...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// sameContext is true of a line that reports in the status's context.
func (s Status) sameContext(line string) bool {
	rest, ok := strings.CutPrefix(line, s.Context+": ")
	if !ok {
		return false
	}
	state, _, _ := strings.Cut(rest, ":")
	state, _, _ = strings.Cut(state, " ")
	return State(state).known()
}
