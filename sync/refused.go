package sync

import (
	"context"
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

// mayNot is why a commit may not be prepared, nil if it may: the Sync has nobody to write as. What is written already
// is judged and braked with whatever rights are left.
func (p *preparation) mayNot(ctx context.Context, commit string) *Barred {
	if f := p.sync.Status.InFlight; f != nil && f.Commit == commit && !f.Unwritten() {
		return p.barred(p.sync)
	}
	var b *Barred
	if err := p.Connect.Account(ctx, p.sync); errors.As(err, &b) {
		return b
	}
	return nil
}

// noteBarred takes in what a preparation has found out, and reports whether it is news.
func (p *preparing) noteBarred(b *Barred) (news bool) {
	news = b != nil && (p.noWriter == nil || *p.noWriter != *b)
	p.noWriter = b
	return news
}

// bars is why nothing is written although something waits for it, nil if that is not so.
func (p *preparing) bars(s *api.SyncStatus) *Barred {
	if s.Held.Count > 0 || s.InFlight != nil && s.InFlight.Unwritten() {
		return p.noWriter
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
