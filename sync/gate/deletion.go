package gate

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// maxDeleting is how many objects that are still there the status names.
const maxDeleting = 20

// Deletion is everything that may be looked at of a Sync that is being deleted.
type Deletion struct {
	Now       time.Time
	Policy    api.DeletionPolicy
	Suspended bool
	// StoppedForAll says why all Syncs are suspended; empty if they are not.
	StoppedForAll string
	// Bound is how long what cannot be deleted or let go of keeps the Sync.
	Bound time.Duration
	// Before is what is remembered of earlier steps, nil if there is nothing.
	Before *api.DeletionStatus
	// Left is how many objects the inventory still names.
	Left int
	// Step is what the newest step has come to, nil before the first one of a turn.
	Step *DeletionStep
}

// DeletionStep is what one step of a deletion has come to.
type DeletionStep struct {
	// LetGo is set if the labels of what is left were to be taken off; otherwise it was to be deleted.
	LetGo bool
	// Waiting are the objects that were deleted and are still there.
	Waiting []api.DeletedObject
	// Problem in words if not all could be done, and Refused if time alone does not heal it.
	Problem string
	Refused bool
	// Waits is set if its cluster cannot be used now, which is waited for, however long.
	Waits bool
}

// DeletionDecision is what there is to do for a Sync that is being deleted.
type DeletionDecision struct {
	// Delete asks to delete what is left, as far as its order allows; LetGo to take the Sync's label off it.
	Delete, LetGo bool
	// Done says that the Sync may go.
	Done bool
	// Status is to be remembered, and Reason and Message are those of the conditions.
	Status          api.DeletionStatus
	Reason, Message string
	// Why says why objects stay that a deletion might have taken along; empty if none do for such a reason.
	Why string
	// Waits is set while its cluster cannot be used.
	Waits bool
	// Wake is when to look again.
	Wake time.Time
}

// Decide says what becomes of what a deleted Sync has written. Like Gate.Step it performs no I/O.
func (o Deletion) Decide() DeletionDecision {
	d := DeletionDecision{Reason: "Deleting"}
	if o.Before != nil {
		d.Status.RefusedSince = o.Before.RefusedSince
	}
	switch {
	case o.Left == 0:
		d.Done = true
	case o.StoppedForAll != "": // what is let go of now would not be deleted afterwards, so not even that is done
		d.Reason, d.Message = "Suspended", "what it has written stays, and so does the Sync: "+o.StoppedForAll
		d.Wake = o.Now.Add(time.Minute)
	case o.Step == nil:
		d.Why = o.lets()
		d.LetGo = d.Why != ""
		d.Delete = !d.LetGo
	case o.Step.Problem != "":
		o.blocked(&d)
	default:
		d.Status.RefusedSince = nil
		o.waits(&d)
	}
	return d
}

// lets says why objects are let go of instead of deleted; empty if they are deleted.
func (o Deletion) lets() string {
	switch {
	case o.Policy != api.DeletionPrune:
		return "spec.deletionPolicy is Orphan, the default"
	case o.Suspended:
		return "the Sync is suspended, so nothing is deleted"
	}
	return ""
}

// blocked takes in a step that could not be done. What is refused is tried for a while; then what is left is let go
// of, so that the Sync, and a namespace that is deleted with its rights, does not hang for ever.
func (o Deletion) blocked(d *DeletionDecision) {
	again := o.Now.Add(5 * time.Second)
	d.Message = o.Step.Problem
	if o.Step.Waits {
		d.Reason, d.Waits = "DeletionWaits", true
	}
	if !o.Step.Refused && !o.Step.LetGo {
		d.Status.RefusedSince, d.Wake = nil, again
		return
	}
	if d.Status.RefusedSince == nil {
		since := metav1.NewMicroTime(o.Now)
		d.Status.RefusedSince = &since
	}
	until := d.Status.RefusedSince.Add(o.Bound)
	d.Reason = "DeletionRefused"
	d.Message = fmt.Sprintf("%s; what is left stays if this lasts until %s", o.Step.Problem,
		until.UTC().Format(time.RFC3339))
	switch {
	case o.Now.Before(until):
		d.Wake = earlier(again, until)
	case o.Step.LetGo:
		d.Done, d.Why = true, "its label could not be taken off: "+o.Step.Problem
	default:
		d.LetGo, d.Why = true, "it could not be deleted: "+o.Step.Problem
	}
}

// waits says what objects that were deleted still wait for. They are looked at again more and more seldom.
func (o Deletion) waits(d *DeletionDecision) {
	list := o.Step.Waiting
	d.Status.Waiting, d.Status.Objects = len(list), list[:min(len(list), maxDeleting)]
	d.Wake = o.Now.Add(time.Second)
	d.Message = "what it has written is being deleted"
	if len(list) == 0 {
		return
	}
	first := list[0]
	age := o.Now.Sub(first.Since.Time)
	d.Wake = o.Now.Add(min(max(age/4, time.Second), 30*time.Second))
	d.Message = fmt.Sprintf("waits for %s to go%s", first.Object, others(len(list)))
	if len(first.Finalizers) > 0 {
		d.Message = fmt.Sprintf("waits for %s, which the finalizer %s keeps%s: whoever set it must remove it",
			first.Object, strings.Join(first.Finalizers, " and "), others(len(list)))
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
