package sync

import (
	"context"
	"fmt"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// maxSteps bounds how often the gate is asked in one tick. Preparing, writing and pruning are a step each, and
// with order Each every waiting commit may be prepared once.
const maxSteps = 2 * maxFollowers

// tick is one turn of the loop: look, decide, remember, do; again, until there is nothing left to do.
func (c *Controller) tick(ctx context.Context, l *lane) error {
	c.poll(l)
	for range maxSteps {
		o, err := c.observe(ctx, l)
		if err != nil {
			return err
		}
		state, d := gateOf(l.sync).Step(l.sync.Status.GateStatus, o)
		if err := c.remember(ctx, l, state, d); err != nil {
			return err
		}
		c.brake(ctx, l, d.Brakes)
		if l.ready != nil && unconsumed(&l.ready.Prepared) == nil {
			l.ready = nil
		}
		if d.Idle() {
			l.again = false
			c.sleep(l, d.Wake)
			return nil
		}
		c.do(ctx, l, d)
	}
	return fmt.Errorf("the gate does not come to rest after %d steps", maxSteps)
}

// do carries out a decision. Its results are looked at in the next step.
func (c *Controller) do(ctx context.Context, l *lane, d Decision) {
	switch {
	case d.Prepare != "":
		l.ready = c.prepare(ctx, l, d.Prepare)
	case d.Apply != "":
		l.written = c.write(ctx, l)
		if l.written.Problem != "" {
			c.Tell.Trouble(l.sync, fmt.Errorf("apply %s: %s", Short(d.Apply), l.written.Problem))
		}
	case d.Prune:
		pruned, err := c.prune(ctx, l)
		if l.pruned = pruned; err != nil {
			c.Tell.Trouble(l.sync, err)
		}
	}
}

// gateOf is the gate that a spec asks for.
func gateOf(s *api.Sync) Gate {
	return Gate{
		Order:    s.Spec.Gate.Order,
		OnStuck:  s.Spec.Gate.OnStuck,
		Deadline: s.Spec.Gate.ProgressDeadline.Duration,
		Prune:    s.Spec.Apply.Prune == nil || *s.Spec.Apply.Prune,
	}
}

// poll begins a poll of the repository if one is due.
func (c *Controller) poll(l *lane) {
	if l.sync.Spec.Suspend {
		return
	}
	key, repo, ref, passed := l.key, l.repo, refOf(l.sync), l.sync.Status.Passed
	last, _ := l.poller.last()
	due := l.poller.start(l.background.Go, c.Now(), l.sync.Spec.Source.Interval.Duration, func() (*History, error) {
		ctx, cancel := context.WithTimeout(l.life, pollTimeout)
		defer cancel()
		return readHistory(ctx, repo, ref, passed, last)
	}, func() { c.queue.Add(key) })
	c.sleep(l, due)
}

// sleep has the Sync's next turn come at the given time at the latest.
func (c *Controller) sleep(l *lane, until time.Time) {
	if !until.IsZero() {
		c.queue.AddAfter(l.key, max(until.Sub(c.Now()), time.Millisecond))
	}
}

// remember makes a decision durable, before anything of it is done, and tells about it.
func (c *Controller) remember(ctx context.Context, l *lane, state State, d Decision) error {
	before := l.sync.Status
	next := *l.sync.Status.DeepCopy()
	next.GateStatus = state
	next.ObservedGeneration = l.sync.Generation
	if d.Apply != "" {
		planned := inventoryOf(l.sync).Union(l.ready.set.Inventory())
		setInventoryOf(&next, planned)
	}
	summarize(&next, c.Now())
	if err := c.save(ctx, l, next); err != nil {
		return err
	}
	for _, m := range d.Moves {
		c.Tell.Moved(l.sync, m)
	}
	if len(d.Moves) == 0 && progressed(before.InFlight, state.InFlight) {
		c.Tell.Progressed(l.sync)
	}
	l.outbox.put(c.statuses(l, d.Moves))
	return nil
}
