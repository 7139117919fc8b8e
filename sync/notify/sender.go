package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/sync/delivery"
	"github.com/daemongate/daemongate/sync/english"
)

// sender brings the messages of one Sync to its receiver.
type sender struct {
	delivery.Loop[content]

	notices *Notices
	// open returns the receiver. It is opened as late as possible: what keeps it from being opened is its trouble.
	open  func(ctx context.Context) (Receiver, error)
	event func(Message) Event

	receiver    Receiver
	lastRefusal string // that was told, until a message is taken
}

func newSender(n *Notices, write func(context.Context, content) error, trouble func(error)) *sender {
	d := &sender{notices: n}
	d.Loop = delivery.Loop[content]{News: n.news, Unsaved: n.all, Write: write, Saved: n.saved, Send: d.send,
		Trouble: trouble}
	return d
}

func was(n int) string {
	if n == 1 {
		return "the oldest notification was"
	}
	return "the oldest " + english.Count(n, "notification") + " were"
}

// send sends messages, one after the other, and leaves off for a record of it: after each as a rule, and when many wait
// after a tenth of them.
func (d *sender) send(ctx context.Context) time.Time {
	if dropped := d.notices.takeDropped(); dropped > 0 {
		d.Trouble(fmt.Errorf("%s dropped: more than %d wait for the receiver", was(dropped), maxWaiting))
	}
	_, waiting := d.notices.first()
	for range max(1, waiting/10) {
		m, waiting := d.notices.first()
		if waiting == 0 {
			return time.Time{}
		}
		if time.Now().Before(d.NotBefore()) {
			return d.NotBefore()
		}
		answer := d.tell(ctx, m)
		switch {
		case ctx.Err() != nil:
			return time.Time{}
		case answer.Trouble != nil:
			return d.Failed(ctx, answer.Trouble, answer.Pause)
		case answer.Refused != nil:
			d.refuse(m, answer.Refused)
		default:
			d.lastRefusal = ""
		}
		d.notices.done(m)
		d.Went(answer.Pause)
	}
	return time.Now() // records what was sent, and goes on
}

// refuse tells of a message that will not be taken: once, if the next ones are refused for the same reason.
func (d *sender) refuse(m Message, why error) {
	if d.lastRefusal == why.Error() {
		return
	}
	d.lastRefusal = why.Error()
	d.Trouble(fmt.Errorf("the notification that commit %s is %s was not taken, and is not sent again: %w", m.Commit,
		m.Is, why))
}

// tell sends a message.
func (d *sender) tell(ctx context.Context, m Message) Answer {
	if d.receiver == nil {
		receiver, err := d.open(ctx)
		if err != nil {
			return Answer{Trouble: err}
		}
		d.receiver = receiver
	}
	return d.receiver.Take(ctx, d.event(m))
}
