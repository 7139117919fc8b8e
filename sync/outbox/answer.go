package outbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
)

// settle takes in what became of a batch, and returns what a person should know of it. A newer state of a commit that
// came meanwhile stays to be delivered.
func (b *Outbox) settle(batch []report, a forge.Answer, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := map[string]report{}
	for _, l := range batch {
		sent[l.Commit] = l
	}
	for _, s := range a.Told {
		b.change(sent, s.Commit, func(l *report) { l.Sent, l.Missed, l.failed = true, 0, 0 })
	}
	for _, r := range a.Refused {
		b.change(sent, r.Status.Commit, func(l *report) { l.Sent = true })
	}
	for _, r := range a.Failed {
		b.change(sent, r.Status.Commit, func(l *report) {
			l.failed++
			l.due = now.Add(backoff.After(l.failed, 5*time.Second, 2*time.Minute))
		})
	}
	var lost []forge.Refusal
	for _, r := range a.Unknown {
		b.change(sent, r.Status.Commit, func(l *report) {
			l.Missed++
			l.Sent = l.Missed >= maxMissed
			l.due = now.Add(backoff.After(l.Missed, 10*time.Second, 5*time.Minute))
			if l.Missed == maxMissed {
				lost = append(lost, r)
			}
		})
	}
	return errors.Join(givenUp("refused", a.Refused), givenUp(fmt.Sprintf("given up after %d times", maxMissed), lost))
}

// change changes the report of a commit, unless it says something newer than what was sent.
func (b *Outbox) change(sent map[string]report, commit string, how func(*report)) {
	i := b.index(commit)
	if i < 0 || b.reports[i].says() != sent[commit].says() {
		return
	}
	how(&b.reports[i])
	b.unsaved = true
}

// givenUp says which states will not be on the Git host, and why.
func givenUp(what string, refusals []forge.Refusal) error {
	if len(refusals) == 0 {
		return nil
	}
	first := refusals[0]
	others := ""
	if n := len(refusals) - 1; n > 0 {
		others = fmt.Sprintf(" and of %d more", n)
	}
	return fmt.Errorf("the state of commit %s%s is %s: %w", api.Short(first.Status.Commit), others, what, first.Reason)
}
