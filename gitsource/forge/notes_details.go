package forge

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource/oneline"
)

// Details are what programs read of a status. They stand at the end of its line in the notes, as JSON, and nowhere
// else.
type Details struct {
	// Sync is whose commit it is, namespace/name.
	Sync string `json:"sync,omitempty"`
	// State is the commit's own, such as Complete or Carried.
	State string `json:"state,omitempty"`
	// By is the commit whose state a Carried or Unchanged one takes over, and Outcome that state.
	By      string `json:"by,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// Since is when the commit came to this.
	Since time.Time `json:"since,omitzero"`
	// Cause is the code of why it is stuck.
	Cause string `json:"cause,omitempty"`
	// Relapsed is set of what was Complete and ends again.
	Relapsed bool `json:"relapsed,omitempty"`
	// Ailing is set of what is Complete while something of it has not been well for a while.
	Ailing bool `json:"ailing,omitempty"`
}

// maxDetail bounds, in characters, what one detail may say.
const maxDetail = 320

// sanitised are the details fit to be shown: whoever may push notes wrote them.
func (d Details) sanitised() Details {
	for _, text := range []*string{&d.Sync, &d.State, &d.By, &d.Outcome, &d.Cause} {
		*text = oneline.Of(*text, maxDetail)
	}
	return d
}

// line is the status as it stands in a note.
func (s Status) line() string {
	if s.Details == (Details{}) {
		return s.String()
	}
	d := s.Details
	d.Since = s.Time.UTC().Truncate(time.Microsecond) // as a status has it: an earlier time would cut a soak short
	text, err := json.Marshal(d)
	if err != nil { // strings, a time and a bool: there is none
		return s.String()
	}
	return s.String() + " " + string(text)
}

// ParseNote reads what a note says of a commit: a status for each line that is one. Whatever else people or other tools
// wrote is left out.
func ParseNote(commit, note string) []Status {
	var list []Status
	for line := range strings.Lines(note) {
		if s, ok := parseLine(strings.TrimRight(line, "\n")); ok {
			s.Commit = commit
			list = append(list, s)
		}
	}
	return list
}

func parseLine(line string) (s Status, ok bool) {
	if at := strings.LastIndex(line, ` {"`); at >= 0 && json.Unmarshal([]byte(line[at:]), &s.Details) == nil {
		line = line[:at]
		s.Time = s.Details.Since
	}
	line = oneline.Of(line, len(line)+1)
	at, state := stateIn(line)
	if at < 0 {
		return Status{}, false
	}
	s.Context, s.State = line[:at], state
	rest := strings.TrimPrefix(line[at+len(": ")+len(state):], ":")
	if at := strings.LastIndex(rest, " <"); at >= 0 && strings.HasSuffix(rest, ">") &&
		strings.Contains(rest[at:], "://") {
		rest, s.URL = rest[:at], strings.TrimSuffix(rest[at+len(" <"):], ">")
	}
	s.Description = strings.TrimSpace(rest)
	return s.sanitised(), true
}

// stateIn is where a line says ": " and a state, behind the context.
func stateIn(line string) (at int, state State) {
	for at = 0; ; {
		next := strings.Index(line[at:], ": ")
		if next < 0 {
			return -1, ""
		}
		at += next
		word, _, _ := strings.Cut(line[at+len(": "):], " ")
		if state = State(strings.TrimSuffix(word, ":")); at > 0 && state.known() {
			return at, state
		}
		at += len(": ")
	}
}

func (s State) known() bool {
	return slices.Contains([]State{Pending, Success, Failure, Error}, s)
}
