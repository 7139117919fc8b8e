package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/kept"
)

// delivery brings the messages of one Sync to its receiver, beside the gate: whatever the receiver does, nobody waits.
type delivery struct {
	notices *Notices
	// open returns the receiver. It is opened as late as possible: what keeps it from being opened is its trouble.
	open    func(ctx context.Context) (Receiver, error)
	store   contentStore
	event   func(Message) Event
	trouble func(error)

	receiver    Receiver
	failures    int
	lastTrouble string    // that was told, while it lasts
	lastRefusal string    // that was told, until a message is taken
	foreign     bool      // whether nothing can be saved because the place for it is somebody else's
	notBefore   time.Time // nothing is sent before
}

// lookAgain is when it is looked again whether messages can be saved.
const lookAgain = 5 * time.Minute

// contentStore keeps what waits over a restart.
type contentStore interface {
	// read returns what is kept; nil if nothing is, or if it cannot be trusted.
	read(ctx context.Context) (*content, error)
	write(ctx context.Context, is content) error
}

// run delivers until ctx ends.
func (d *delivery) run(ctx context.Context) {
	for {
		again := d.turn(ctx)
		if !d.rest(ctx, again) {
			return
		}
	}
}

// rest returns at the given time, or when there is news; with no time, only then. It reports whether to go on.
func (d *delivery) rest(ctx context.Context, until time.Time) bool {
	var alarm <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-alarm:
	case <-d.notices.news:
	}
	return ctx.Err() == nil
}

// turn saves what is new and sends some messages, and returns when the next turn is due; zero if only news can tell.
// What could not be saved is not sent: a restart would not know of it.
func (d *delivery) turn(ctx context.Context) time.Time {
	if dropped := d.notices.takeDropped(); dropped > 0 {
		d.trouble(fmt.Errorf("%s dropped: more than %d wait for the receiver", was(dropped), maxWaiting))
	}
	if err := d.save(ctx); err != nil {
		return d.later(ctx, err, 0)
	}
	next := d.send(ctx)
	if look := time.Now().Add(lookAgain); d.foreign && ctx.Err() == nil && (next.IsZero() || next.After(look)) {
		return look
	}
	return next
}

func was(n int) string {
	if n == 1 {
		return "the oldest notification was"
	}
	return "the oldest " + english.Count(n, "notification") + " were"
}

// save saves what is new. Where somebody else's object has the place of the Sync's own, that is told once while it
// lasts, and nothing is saved: it may stay there for ever, and is not to keep messages from the receiver.
func (d *delivery) save(ctx context.Context) error {
	is, unsaved := d.notices.all()
	if !unsaved {
		return nil
	}
	err := d.store.write(ctx, is)
	if foreign := (*kept.ForeignError)(nil); errors.As(err, &foreign) {
		if !d.foreign {
			d.foreign = true
			d.trouble(err)
		}
		return nil
	}
	if altered := (*kept.AlteredError)(nil); errors.As(err, &altered) {
		d.trouble(err)
		err = nil
	}
	if err == nil {
		d.foreign = false
		d.notices.saved(is)
	}
	return err
}

// send sends messages, one after the other, and leaves off for a record of it: after each as a rule, and when many wait
// after a tenth of them.
func (d *delivery) send(ctx context.Context) time.Time {
	_, waiting := d.notices.first()
	for range max(1, waiting/10) {
		m, waiting := d.notices.first()
		if waiting == 0 {
			return time.Time{}
		}
		if now := time.Now(); now.Before(d.notBefore) {
			return d.notBefore
		}
		answer := d.tell(ctx, m)
		switch {
		case ctx.Err() != nil:
			return time.Time{}
		case answer.Trouble != nil:
			return d.later(ctx, answer.Trouble, answer.Pause)
		case answer.Refused != nil:
			d.refuse(m, answer.Refused)
		default:
			d.lastRefusal = ""
		}
		d.notices.done(m)
		d.failures, d.lastTrouble, d.notBefore = 0, "", time.Now().Add(answer.Pause)
	}
	return time.Now() // records what was sent, and goes on
}

// refuse tells of a message that will not be taken: once, if the next ones are refused for the same reason.
func (d *delivery) refuse(m Message, why error) {
	if d.lastRefusal == why.Error() {
		return
	}
	d.lastRefusal = why.Error()
	d.trouble(fmt.Errorf("the notification that commit %s is %s was not taken, and is not sent again: %w", m.Commit,
		m.Is, why))
}

// tell sends a message.
func (d *delivery) tell(ctx context.Context, m Message) Answer {
	if d.receiver == nil {
		receiver, err := d.open(ctx)
		if err != nil {
			return Answer{Trouble: err}
		}
		d.receiver = receiver
	}
	return d.receiver.Take(ctx, d.event(m))
}

// later notes trouble, which is told when it begins and when it is another, and returns when to try again: after
// growing pauses, or when the receiver says.
func (d *delivery) later(ctx context.Context, err error, pause time.Duration) time.Time {
	if d.failures++; d.lastTrouble != err.Error() && ctx.Err() == nil {
		d.lastTrouble = err.Error()
		d.trouble(err)
	}
	d.notBefore = time.Now().Add(max(pause, backoff.After(d.failures, time.Second, 5*time.Minute)))
	return d.notBefore
}
