// Package forge tells a Git host, or the repository itself, what became of commits.
package forge

import (
	"fmt"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource/oneline"
)

// State is how a commit fares, in the words that Git hosts share.
type State string

// The states of a commit.
const (
	Pending State = "pending" // waits, or is under way
	Success State = "success" // has taken over
	Failure State = "failure" // has not, and why is known
	Error   State = "error"   // could not be tried
)

// Status says how one commit fares in one context.
type Status struct {
	// Commit is the full hash.
	Commit string
	// Context tells Syncs and clusters apart that report on the same commit.
	Context string
	State   State
	// Underway is set of a Pending commit that does not wait any more: some hosts tell the two apart.
	Underway bool
	// Description is for a person; it is cut to one line of at most MaxDescription characters.
	Description string
	// URL leads to more; it may be empty.
	URL  string
	Time time.Time
	// Details are for programs.
	Details Details
}

// MaxDescription is how many characters of a description are kept: what every Git host takes.
const MaxDescription = 140

// maxURL is how many bytes an address may have.
const maxURL = 2000

// sanitised is the status as it may be shown: one line each, without what could steer a terminal.
func (s Status) sanitised() Status {
	s.Context = oneline.Of(s.Context, 255)
	s.Description = oneline.Of(s.Description, MaxDescription)
	s.URL = strings.ReplaceAll(oneline.Of(s.URL, maxURL+1), " ", "%20")
	if len(s.URL) > maxURL { // half an address leads nowhere
		s.URL = ""
	}
	s.Details = s.Details.sanitised()
	return s
}

// Shorten makes a description fit to be shown: one line of at most MaxDescription characters.
func Shorten(description string) string { return oneline.Of(description, MaxDescription) }

// String is the status on one line, without its commit.
func (s Status) String() string {
	s = s.sanitised()
	line := fmt.Sprintf("%s: %s", s.Context, s.State)
	if s.Description != "" {
		line += ": " + s.Description
	}
	if s.URL != "" {
		line += " <" + s.URL + ">"
	}
	return line
}
