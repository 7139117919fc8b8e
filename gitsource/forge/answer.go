package forge

import (
	"errors"
	"fmt"
	"time"
)

// Answer says what became of statuses that were reported. A status that is in none of its lists was not tried, because
// of the trouble or the pause, and is to be reported again.
type Answer struct {
	// Told are the statuses that the host has.
	Told []Status
	// Refused will never be taken as they are.
	Refused []Refusal
	// Unknown are of commits that the host does not know, or does not know yet.
	Unknown []Refusal
	// Failed may be taken when they are tried again; nothing says that others would not be.
	Failed []Refusal
	// Trouble is what keeps the host from taking any; nil if there is none.
	Trouble error
	// Pause is how long the host asks to be left alone; zero if it does not say.
	Pause time.Duration
}

// Refusal is a status that was not taken, and why.
type Refusal struct {
	Status Status
	Reason error
}

// Err is all that went wrong, nil if every status was told.
func (a Answer) Err() error {
	errs := []error{a.Trouble}
	for _, list := range [][]Refusal{a.Refused, a.Unknown, a.Failed} {
		for _, r := range list {
			errs = append(errs, fmt.Errorf("status of commit %q: %w", r.Status.Commit, r.Reason))
		}
	}
	return errors.Join(errs...)
}
