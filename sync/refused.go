package sync

import (
	"errors"
	"fmt"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// refusedWords are what a host is told of a set that the cluster refuses: which objects, and the kind of refusal.
func refusedWords(err error) api.Public {
	first, count := "", 0
	for _, one := range flat(err) {
		var rejected *manifests.Rejected
		var conflict *manifests.Conflict
		text := ""
		switch {
		case errors.As(one, &rejected):
			text = fmt.Sprintf("%s (%s)", rejected.Object, rejected.Reason)
		case errors.As(one, &conflict):
			text = fmt.Sprintf("%s (Conflict)", conflict.Object)
		default:
			continue
		}
		if count++; count == 1 {
			first = text
		}
	}
	switch {
	case count == 0:
		return "the cluster refuses the set"
	case count > 1:
		return api.Public(fmt.Sprintf("the cluster refuses %s and %d more", first, count-1))
	}
	return api.Public("the cluster refuses " + first)
}

// Barred is why nothing of a Sync may be written, whichever commit it is, until a person changes something.
type Barred struct {
	Reason  string // of the Sync's conditions
	Message string
}

// Error says what is to be done.
func (b *Barred) Error() string { return b.Message }

// barred is why nothing of a Sync may be written, nil if it may.
func (c *Controller) barred(s *api.Sync) *Barred {
	var b *Barred
	if _, err := c.Connect.Writer(s); errors.As(err, &b) {
		return b
	}
	return nil
}

// flat takes joined errors apart.
func flat(err error) []error {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		return []error{err}
	}
	var all []error
	for _, one := range list.Unwrap() {
		all = append(all, flat(one)...)
	}
	return all
}
