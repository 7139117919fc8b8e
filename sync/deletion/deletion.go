// Package deletion brings a Sync that is being deleted to its end: what it has written is deleted or let go of, and
// only then may the Sync go. All that it goes on from after a restart is the Sync's status.
package deletion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/summary"
)

// LetGoAfter is how long what may neither be deleted nor let go of keeps a Sync.
const LetGoAfter = 2 * time.Minute

// maxSteps bounds the steps of one turn.
const maxSteps = 4

// Writer deletes what a Sync has written, or lets go of it, with the Sync's rights.
type Writer interface {
	Remove(ctx context.Context, inv manifests.Inventory, o manifests.Options) (manifests.Removal, error)
	LetGo(ctx context.Context, inv manifests.Inventory, to manifests.Owner, o manifests.Options) (manifests.Inventory,
		error)
}

// Options are what a turn needs.
type Options struct {
	Now   func() time.Time
	Bound time.Duration // LetGoAfter, if 0
	// StoppedForAll says why all Syncs are suspended; empty if they are not.
	StoppedForAll string
	Writer        func(*api.Sync) (Writer, error)
	// Save writes the status, and is refused if anybody has written the Sync since it was read.
	Save func(context.Context, *api.Sync) error
	// Finish takes the finalizer off.
	Finish func(context.Context, *api.Sync) error
	// Deleted and Warn tell what happened.
	Deleted func(s *api.Sync, gone manifests.Inventory)
	Warn    func(s *api.Sync, text string)
}

// turn is one look at a Sync that is being deleted, and what was done about it.
type turn struct {
	Options
	sync *api.Sync
	left manifests.Inventory // what the inventory still names
	gone manifests.Inventory
	// stays are the objects that were let go of although a deletion might have taken them along, and why.
	stays manifests.Inventory
	why   string
	kept  []manifests.Kept
}

// Turn goes a step further with a Sync that was just read and is being deleted, and says when to look again; zero if it
// may go.
func Turn(ctx context.Context, s *api.Sync, inventory manifests.Inventory, o Options) (wake time.Time, err error) {
	if o.Bound == 0 {
		o.Bound = LetGoAfter
	}
	t := &turn{Options: o, sync: s, left: inventory}
	d := t.decide(nil)
	for range maxSteps {
		if !d.Delete && !d.LetGo {
			break
		}
		if d.Why != "" {
			t.why = d.Why
		}
		d = t.decide(t.do(ctx, d))
	}
	if d.Done && d.Why != "" {
		t.stays, t.left, t.why = append(t.stays, t.left...), nil, d.Why
	}
	if err := t.remember(ctx, d); err != nil {
		return time.Time{}, err
	}
	if !d.Done {
		return d.Wake, nil
	}
	return time.Time{}, t.Finish(ctx, s)
}

func (t *turn) decide(step *gate.DeletionStep) gate.DeletionDecision {
	return gate.Deletion{Now: t.Now(), Policy: t.sync.Spec.DeletionPolicy, Suspended: t.sync.Spec.Suspend,
		StoppedForAll: t.StoppedForAll, Bound: t.Bound, Before: t.sync.Status.Deletion, Left: len(t.left),
		Step: step}.Decide()
}

// do deletes, or lets go of, what is left.
func (t *turn) do(ctx context.Context, d gate.DeletionDecision) *gate.DeletionStep {
	step := &gate.DeletionStep{LetGo: d.LetGo}
	w, err := t.Writer(t.sync)
	switch {
	case err != nil:
	case d.LetGo:
		err = t.letGo(ctx, w, t.left)
	default:
		err = t.remove(ctx, w, step)
	}
	if err != nil {
		step.Problem, step.Refused, step.Waits = api.TextOf(err), !mayPass(err), waits(err) && !d.LetGo
		if step.Waits {
			step.Problem += leaveIt
		}
	}
	return step
}

// mayPass reports whether another try may do what a person changes nothing for, or whether it must not be given up.
func mayPass(err error) bool { return manifests.Temporary(err) || waits(err) }

// waits reports whether a Sync waits, for however long, for what an error tells of.
func waits(err error) bool {
	var barred interface{ Waits() bool }
	return errors.As(err, &barred) && barred.Waits()
}

// leaveIt is how somebody ends that.
const leaveIt = "; the Sync waits for that cluster as long as it takes: to have it go, and leave there what it has " +
	"written, set its spec.deletionPolicy to Orphan"

// letGo lets go of what no deletion takes along.
func (t *turn) letGo(ctx context.Context, w Writer, which manifests.Inventory) error {
	done, err := w.LetGo(ctx, which, manifests.Owner{}, t.options())
	t.stays, t.left = append(t.stays, done...), t.left.Minus(done)
	return err
}

// remove deletes what is left, as far as its order allows. What is kept, by its kind or its annotation, is let go of.
func (t *turn) remove(ctx context.Context, w Writer, step *gate.DeletionStep) error {
	r, err := w.Remove(ctx, t.left, t.options())
	t.gone, t.left = append(t.gone, r.Gone...), t.left.Minus(r.Gone)
	var kept manifests.Inventory
	for _, k := range r.Kept {
		kept = append(kept, k.Entry)
	}
	done, letGoErr := w.LetGo(ctx, kept, manifests.Owner{}, t.options())
	t.left = t.left.Minus(done)
	for _, k := range r.Kept {
		if _, is := done.Find(k.ID); is {
			t.kept = append(t.kept, k)
		}
	}
	for _, o := range r.Waiting {
		step.Waiting = append(step.Waiting, waiting(o))
	}
	if err == nil {
		err = letGoErr
	}
	return err
}

// OwnerOf is whose the objects of a Sync are.
func OwnerOf(s *api.Sync) manifests.Owner {
	o := manifests.Owner{Namespace: s.Namespace, Name: s.Name}
	if c := s.Status.Cluster; c != nil {
		o.Home = c.Home
	}
	return o
}

func (t *turn) options() manifests.Options {
	return manifests.Options{Owner: OwnerOf(t.sync)}
}

// remember makes durable what is left to do, and tells what was done.
func (t *turn) remember(ctx context.Context, d gate.DeletionDecision) error {
	before := t.sync.Status.DeepCopy()
	t.sync.Status.Deletion = &d.Status
	t.sync.Status.Inventory = keep(t.sync.Status.Inventory, t.left)
	summary.WriteDeletion(&t.sync.Status, t.sync.Generation, d, t.Now())
	if !equality.Semantic.DeepEqual(before, &t.sync.Status) {
		if err := t.Save(ctx, t.sync); err != nil {
			return err
		}
	}
	if len(t.gone) > 0 {
		t.Deleted(t.sync, t.gone)
	}
	for _, k := range t.kept {
		t.Warn(t.sync, fmt.Sprintf("%s stays although its Sync is deleted: %s", k.ID, k.Reason))
	}
	if len(t.stays) > 0 {
		t.Warn(t.sync, orphanedText(t.stays, t.why))
		for _, text := range lentTexts(t.stays, before.InFlight) {
			t.Warn(t.sync, text)
		}
	}
	t.warnOfWaiting(before, d)
	return nil
}

// warnOfWaiting tells of what keeps the Sync and will not pass soon, or not by itself.
func (t *turn) warnOfWaiting(before *api.SyncStatus, d gate.DeletionDecision) {
	waits := d.Waits || d.Status.Waiting > 0 && len(d.Status.Objects[0].Finalizers) > 0 || d.Status.RefusedSince != nil
	if !d.Done && waits && before.Summary.Message != t.sync.Status.Summary.Message {
		t.Warn(t.sync, d.Message)
	}
}
