package manifests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Waiting is an object that was deleted and is still there.
type Waiting struct {
	Entry
	Since      time.Time
	Finalizers []string
}

// Removal is what one step of Remove has come to.
type Removal struct {
	Gone    Inventory
	Kept    []Kept
	Waiting []Waiting
}

// Remove deletes what the inventory names by the rules of Prune, one rank a step: the next one only when all of the
// rank after it is gone, so that what is deleted never lacks what it needs. It is called again until nothing is left.
func (c *Client) Remove(ctx context.Context, inv Inventory, o Options) (Removal, error) {
	var r Removal
	entries := slices.Clone(inv).sorted()
	slices.Reverse(entries)
	for _, rank := range byRank(entries, func(e Entry) ID { return e.ID }) {
		gone, kept, err := c.Prune(ctx, rank, o)
		r.Kept = append(r.Kept, kept...)
		left, waitErr := c.waiting(ctx, gone, o.Owner)
		r.Waiting = append(r.Waiting, left...)
		r.Gone = append(r.Gone, gone.filter(func(e Entry) bool {
			return !slices.ContainsFunc(left, func(w Waiting) bool { return w.ID == e.ID })
		})...)
		if err = errors.Join(err, waitErr); err != nil || len(r.Waiting) > 0 {
			return r, err
		}
	}
	return r, nil
}

// waiting are those of some deleted objects that are still there.
func (c *Client) waiting(ctx context.Context, deleted Inventory, owner Owner) ([]Waiting, error) {
	found, failed := sideBySide(deleted, func(e Entry) (*unstructured.Unstructured, error) {
		t, err := c.lookUpEntry(ctx, e)
		return t.live, err
	})
	var list []Waiting
	for i, live := range found {
		if live != nil && live.GetUID() == deleted[i].UID && live.GetDeletionTimestamp() != nil &&
			!takesAlong(deleted[i].ID, owner) {
			list = append(list, Waiting{deleted[i], live.GetDeletionTimestamp().Time, live.GetFinalizers()})
		}
	}
	return list, errors.Join(failed...)
}

// takesAlong names what waits for the Sync itself to be gone: its namespace, and the definition of Syncs.
func takesAlong(id ID, owner Owner) bool {
	return id.groupKind() == schema.GroupKind{Kind: "Namespace"} && id.Name == owner.Namespace ||
		isDefinition(id) && id.Name == "syncs.daemongate.io"
}

// entry finds where an object of the inventory lives: without a mapping if its kind is gone, and its objects with it.
func (c *Client) entry(ctx context.Context, e Entry) (t target, err error) {
	t.id = e.ID
	t.mapping, err = c.mapper.find(ctx, e.groupKind(), e.Version)
	if meta.IsNoMatchError(err) {
		t.mapping, err = c.mapper.find(ctx, e.groupKind(), "")
	}
	if meta.IsNoMatchError(err) {
		return t, nil
	}
	return t, wrap(e.ID, err)
}

// lookUpEntry finds where an object of the inventory lives, and reads it.
func (c *Client) lookUpEntry(ctx context.Context, e Entry) (target, error) {
	return c.lookUp(ctx, func() (target, error) { return c.entry(ctx, e) })
}

// movedTo is the Sync that an object is moved to by its annotation, if it has one.
func movedTo(o *unstructured.Unstructured) (to Owner, is bool, err error) {
	value, is := o.GetAnnotations()[MoveAnnotation]
	namespace, name, found := strings.Cut(value, "/")
	if is && (!found || namespace == "" || name == "" || strings.Contains(name, "/")) {
		return Owner{}, true, fmt.Errorf("%s: annotation %s is %q: write the namespace and the name of the Sync that "+
			"it is moved to, as in platform/agents", IDOf(o), MoveAnnotation, value)
	}
	return Owner{Namespace: namespace, Name: name}, is, nil
}

// LetGo takes the owner's label off the objects that the inventory names, or has it name another Sync; nothing else of
// them changes. What does not exist or does not carry the label is let go of already. An entry that is not in the
// result is in the error: try it again.
func (c *Client) LetGo(ctx context.Context, inv Inventory, to Owner, o Options) (Inventory, error) {
	entries := slices.Clone(inv).sorted()
	_, failed := sideBySide(entries, ifItMay(o, func(e Entry) (struct{}, error) {
		return struct{}{}, c.letGoOf(ctx, e, to, o)
	}))
	var done Inventory
	for i, e := range entries {
		if failed[i] == nil {
			done = append(done, e)
		}
	}
	return done, errors.Join(failed...)
}

func (c *Client) letGoOf(ctx context.Context, e Entry, to Owner, o Options) error {
	t, err := c.lookUpEntry(ctx, e)
	if err != nil || t.mapping == nil {
		return err
	}
	return c.persist(ctx, &t, func() error {
		live := t.live
		if live == nil || live.GetLabels()[OwnerLabel] != o.Owner.Label() {
			return nil
		}
		var label any
		if to != (Owner{}) {
			label = to.Label()
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": live.GetUID(),
			"resourceVersion": live.GetResourceVersion(), "labels": map[string]any{OwnerLabel: label}}})
		if err != nil {
			return err
		}
		_, err = c.resource(t).Patch(about(ctx, t.id), t.id.Name, types.MergePatchType, patch,
			metav1.PatchOptions{FieldManager: FieldManager})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return c.refusal(e.ID, err)
	})
}
