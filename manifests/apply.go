package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

// Applied is what the API server answered to the apply of one object.
type Applied struct {
	ID
	Version    string
	UID        types.UID
	Generation int64
	Changed    bool // false: the object was already as asked, and nothing was written
	Created    bool
	Object     *unstructured.Unstructured // as it is now
	Replaced   *unstructured.Unstructured // what was deleted to make place for it, nil if nothing was
	Leftovers  []fields.Leftovers         // of those from whom Options.Force took fields
	// Settled is set of an object that was compared: an apply would change nothing of it, nor of who manages what.
	Settled bool
}

// Apply writes a resolved set in order, the objects of one rank side by side, and the objects of a new kind when its
// definition is Established. With an error it returns what was applied before it; nothing of a later rank was written.
func (c *Client) Apply(ctx context.Context, s Set, o Options) ([]Applied, error) {
	defined := definitionsOf(s.objects)
	var done []Applied
	for _, rank := range byRank(s.objects, IDOf) {
		written, err := c.applyRank(ctx, o.unproven(rank), defined, o)
		alone := o.seen(rank)
		done = append(append(done, written...), alone...)
		if err == nil {
			err = c.established(ctx, append(written, unestablished(alone)...))
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (c *Client) applyRank(ctx context.Context, rank []*unstructured.Unstructured, defined definitions,
	o Options) ([]Applied, error) {
	results, problems := sideBySide(rank, ifItMay(o, func(object *unstructured.Unstructured) (Applied, error) {
		return c.applyOne(ctx, object, defined, o)
	}))
	var written []Applied
	for i, err := range problems {
		if err == nil {
			written = append(written, results[i])
		}
	}
	return written, joined(rank, problems)
}

// overLast applies an object over what our own last apply has left of it, without a look. It returns no answer if that
// is not known, or if the API server says anything but yes: what it says then may be owed to what others have done
// since.
func (c *Client) overLast(ctx context.Context, object *unstructured.Unstructured, defined definitions, o Options,
	how metav1.PatchOptions) (t target, answer *unstructured.Unstructured) {
	if o.Last == nil || o.Correct {
		return t, nil
	}
	last := o.Last(IDOf(object))
	if last == nil {
		return t, nil
	}
	t, err := c.locate(ctx, object, defined)
	if err != nil {
		return t, nil
	}
	t.live = last
	answer, err = c.send(ctx, t, over(last, object), how)
	switch {
	case err != nil || answer.GetUID() != last.GetUID():
		return t, nil
	case len(how.DryRun) > 0 && answer.GetResourceVersion() != last.GetResourceVersion():
		return t, nil // an API server that does not look at what an apply is decided on
	}
	return t, answer
}

func (c *Client) applyOne(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	o Options) (Applied, error) {
	if t, answer := c.overLast(ctx, object, defined, o, applying(false)); answer != nil {
		return applied(t, t.live, answer), nil
	}
	var was *unstructured.Unstructured
	t, answer, err := c.applyNew(ctx, object, defined, o)
	if answer == nil && err == nil {
		t, was, answer, err = c.applyLooked(ctx, object, defined, o)
	}
	if err == nil {
		answer, err = c.letGo(ctx, t, answer)
	}
	if err != nil {
		return Applied{}, explainSecret(object, err)
	}
	a := applied(t, was, answer)
	if o.Force {
		a.Leftovers = c.leftovers(ctx, t, was, answer)
	}
	return a, nil
}

// applyLooked looks at what is there, and applies an object over it. It returns also what that was.
func (c *Client) applyLooked(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	o Options) (t target, was, answer *unstructured.Unstructured, err error) {
	if t, err = c.find(ctx, object, defined, o.Owner); err != nil {
		return t, nil, nil, err
	}
	there := t.live != nil
	err = c.persist(ctx, &t, func() (err error) {
		if there && t.live == nil {
			return &unready{t.id, "was deleted since it was looked at"}
		}
		was, answer, err = c.applyOver(ctx, &t, defined, o)
		return err
	})
	return t, was, answer, err
}

// applyOver applies the target's object over what was looked at. It returns that, and the API server's answer.
func (c *Client) applyOver(ctx context.Context, t *target, defined definitions,
	o Options) (was, answer *unstructured.Unstructured, err error) {
	was = t.live
	if err := mayWrite(t.id, was, o.Owner); err != nil {
		return was, nil, err
	}
	fold, err := c.mustFold(ctx, *t, o)
	if err == nil && fold {
		err = c.fold(ctx, t)
	}
	if err == nil {
		answer, err = c.putOrRecreate(ctx, t, defined, o)
	}
	return was, answer, err
}

// mustFold decides law 8: kubectl's managers are folded in before our first apply of an object, and on drift.
func (c *Client) mustFold(ctx context.Context, t target, o Options) (bool, error) {
	live := t.live
	if live == nil {
		return false, nil
	}
	if !fields.IsOurs(live) {
		return true, nil
	}
	if !o.Correct || !fields.HasKubectl(live) {
		return false, nil
	}
	answer, err := c.try(ctx, t, o)
	if err != nil {
		return false, c.refusal(t.id, err)
	}
	return len(fields.Differences(live, answer)) > 0, nil
}

// putOver applies without force first. kubectl's managers that stand in the way are folded in (a change by kubectl is
// drift); others only give way to Options.Force.
func (c *Client) putOver(ctx context.Context, t *target, defined definitions,
	o Options) (*unstructured.Unstructured, error) {
	answer, err := c.putServed(ctx, t, defined)
	managers := managersIn(err)
	if len(managers) == 0 {
		return answer, err
	}
	if !t.sawAll(managers) {
		return nil, errOvertaken
	}
	if !o.Force && !fields.AllKubectl(managers) {
		return nil, err
	}
	if slices.ContainsFunc(managers, fields.IsKubectl) {
		if err := c.fold(ctx, t); err != nil {
			return nil, err
		}
	}
	return c.putFolded(ctx, *t, o.Force)
}

// putServed applies. For an object whose definition is in the set too it gives the API server a moment to serve the
// kind, version and schema that the definition has just been given.
func (c *Client) putServed(ctx context.Context, t *target,
	defined definitions) (answer *unstructured.Unstructured, err error) {
	const moment = 10 * time.Second
	answer, err = c.put(ctx, *t, false)
	if defined.mapping(t.object.GroupVersionKind()) == nil {
		return answer, err
	}
	deadline := time.NewTimer(moment)
	defer deadline.Stop()
	for notServed(err) || isInvalid(c.refusal(t.id, err)) || t.live == nil && overtaken(err) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			return nil, err
		case <-time.After(100 * time.Millisecond):
			if err = c.lookServed(ctx, t); err == nil {
				answer, err = c.put(ctx, *t, false)
			}
		}
	}
	return answer, err
}

// lookServed looks again for an object of which nothing was found: its kind, or the version of it, may not have been
// served yet.
func (c *Client) lookServed(ctx context.Context, t *target) error {
	if t.live != nil {
		return nil
	}
	live, err := c.read(ctx, *t)
	if err == nil && live != nil {
		t.live, err = live, errOvertaken
	}
	return err
}

// notServed tells "no such path" from "no such object": only the latter names one.
func notServed(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == "" || len(details.Causes) > 0
}

// Unchanged is what an apply of an object would have answered that would have changed nothing, of the object as it is.
func Unchanged(id ID, live *unstructured.Unstructured) Applied {
	return Applied{ID: id, Version: live.GroupVersionKind().Version, UID: live.GetUID(),
		Generation: live.GetGeneration(), Object: live}
}

// applied reads the answer. An apply that changes nothing leaves the resourceVersion; one that has moved says nothing
// by itself, for a controller may have written the status between our look and our apply.
func applied(t target, live, answer *unstructured.Unstructured) Applied {
	a := Applied{
		ID:         t.id,
		Version:    t.object.GroupVersionKind().Version,
		UID:        answer.GetUID(),
		Generation: answer.GetGeneration(),
		Created:    live == nil || live.GetUID() != answer.GetUID(),
		Object:     answer,
	}
	if live != nil && a.Created {
		a.Replaced = live
	}
	a.Changed = a.Created || live.GetGeneration() != answer.GetGeneration() ||
		live.GetResourceVersion() != answer.GetResourceVersion() && len(fields.Differences(live, answer)) > 0
	return a
}

// String is for messages: "DaemonSet platform/agent created".
func (a Applied) String() string {
	switch {
	case a.Created:
		return fmt.Sprintf("%s created", a.ID)
	case a.Changed:
		return fmt.Sprintf("%s changed", a.ID)
	}
	return fmt.Sprintf("%s unchanged", a.ID)
}
