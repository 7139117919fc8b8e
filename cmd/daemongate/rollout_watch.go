package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/judge"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/rollout/report"
)

// watcher looks at one live DaemonSet, again and again, and remembers what a later look must know of an earlier one.
type watcher struct {
	clients  observe.Clients
	observer *observe.Observer
	options  rollout.Options
	target   rollout.Target
	memory   rollout.Memory
	cache    judge.Cache   // of the look before
	seen     chan struct{} // has a value when something may have changed
	// waits is told why there is no look yet, whenever that changes, and "" when there is one again; nil tells nobody.
	waits func(why string)
	why   string // that was told last
	key   string // of its own, by which the observer knows it
}

// watchLive begins to watch a DaemonSet. The observer's Stop ends it, and Unwatch with its key.
func watchLive(clients observe.Clients, observer *observe.Observer, target rollout.Target, o rollout.Options) *watcher {
	w := &watcher{clients: clients, observer: observer, options: o, target: target, seen: make(chan struct{}, 1)}
	w.key = fmt.Sprintf("%s/%s %p", target.Namespace, target.Name, w)
	observer.Watch(w.key, []rollout.Target{target}, func() { poke(w.seen) })
	return w
}

// poke leaves a value in a channel that has room for one.
func poke(news chan<- struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}

// judge waits for a whole look and judges it. An error says why there is none; the DaemonSet may have been deleted.
func (w *watcher) judge(ctx context.Context) (report.Judged, error) {
	look, err := w.look(ctx)
	if err != nil {
		return report.Judged{}, err
	}
	if look.DaemonSet == nil {
		return report.Judged{}, fmt.Errorf("DaemonSet %s/%s: was deleted", w.target.Namespace, w.target.Name)
	}
	w.aim(look.DaemonSet)
	j := w.weigh(ctx, &look, func(j rollout.Judgement) bool {
		return j.ReadLeases || len(j.ReadClocks) > 0 || j.Verdict == rollout.Stuck
	})
	return report.Judged{Target: w.target, Look: look, Judgement: j}, nil
}

// weigh judges a look and, where the judgement is worth it, looks closer and judges again. What a Sync's status
// remembers may be by the UIDs of nodes.
func (w *watcher) weigh(ctx context.Context, look *rollout.Look,
	worthIt func(rollout.Judgement) bool) rollout.Judgement {
	w.target.FailingBefore = rollout.FailingByName(w.target.FailingBefore, look.Nodes)
	w.memory = w.memory.WithNames(look.Nodes)
	j, memory := judge.RolloutAgain(&w.cache, *look, w.target, w.memory, w.options)
	var unread error
	if worthIt(j) {
		var closer bool
		if closer, unread = lookCloser(ctx, w.clients, w.observer, look, j); closer {
			j, memory = judge.RolloutAgain(&w.cache, *look, w.target, w.memory, w.options)
		}
	}
	w.memory = memory
	if unread != nil {
		j.Notes = append(j.Notes, fmt.Sprintf("a node that has only just died would pass as alive here: %v", unread))
	}
	return j
}

// aim follows what the DaemonSet asks for: whoever changes it while it is watched wants to know of the newest.
func (w *watcher) aim(d *appsv1.DaemonSet) {
	next := rollout.TargetOf(d)
	if next.UID != w.target.UID {
		w.memory = rollout.Memory{}
	}
	w.target = next
}

// look returns the next look that is whole. Where the caller may not read what nothing can be judged without, there
// will be none; everything else may pass.
func (w *watcher) look(ctx context.Context) (rollout.Look, error) {
	for {
		if look, whole := w.observer.Look(w.target); whole {
			w.tell("")
			return look, nil
		}
		trouble := w.observer.Trouble(w.target)
		if err := unreadable(trouble); err != nil {
			return rollout.Look{}, fmt.Errorf("DaemonSet %s/%s: cannot be judged without the right to watch "+
				"DaemonSets and pods of its namespace: %w", w.target.Namespace, w.target.Name, err)
		}
		if why := awaited(trouble); why != nil {
			w.tell(why.Error())
		}
		select {
		case <-ctx.Done():
			if err := w.observer.Trouble(w.target); err != nil {
				return rollout.Look{}, err
			}
			return rollout.Look{}, fmt.Errorf("DaemonSet %s/%s: could not be looked at: %w", w.target.Namespace,
				w.target.Name, ctx.Err())
		case <-w.seen:
		}
	}
}

// tell says why there is no look, once.
func (w *watcher) tell(why string) {
	if why != w.why && w.waits != nil {
		w.waits(why)
	}
	w.why = why
}

// awaited is what a look waits for: all of it but what the caller may not read, without which it will be taken; nil if
// there is nothing else.
func awaited(trouble error) error {
	if joined, many := trouble.(interface{ Unwrap() []error }); many {
		var rest []error
		for _, err := range joined.Unwrap() {
			rest = append(rest, awaited(err))
		}
		return errors.Join(rest...)
	}
	var refused *observe.WatchError
	if errors.As(trouble, &refused) && apierrors.IsForbidden(refused.Err) {
		return nil
	}
	return trouble
}

// unreadable is what the caller may not read although nothing can be judged without it; nil if that is all there is.
func unreadable(trouble error) error {
	if joined, many := trouble.(interface{ Unwrap() []error }); many {
		for _, err := range joined.Unwrap() {
			if err := unreadable(err); err != nil {
				return err
			}
		}
		return nil
	}
	var refused *observe.WatchError
	if errors.As(trouble, &refused) && apierrors.IsForbidden(refused.Err) &&
		(refused.Kind == "daemonsets" || refused.Kind == rollout.KindPods) {
		return refused
	}
	return nil
}

// rest returns when something may have changed, at the given time, or after a second where the time is of interest.
func (w *watcher) rest(ctx context.Context, until time.Time, ticking bool) {
	wait := time.Hour
	if !until.IsZero() {
		wait = time.Until(until)
	}
	if ticking {
		wait = min(wait, time.Second)
	}
	timer := time.NewTimer(max(wait, 100*time.Millisecond)) // the API server's clock may be ahead
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.seen:
	case <-timer.C:
	}
}
