package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Kept is an object that the inventory names and that was not deleted, with the reason.
type Kept struct {
	Entry
	Reason string
	// Ours is set if the Sync wrote it and would delete it if it were annotated otherwise.
	Ours bool
}

// Prune deletes what the inventory names, in the reverse order of apply, and nothing else: only objects with our Sync's
// label and the recorded UID, and CustomResourceDefinitions, Namespaces and PersistentVolumeClaims only if annotated so
// (law 7). What is gone already counts as gone. An entry that is neither gone nor kept is in the error: try it again.
func (c *Client) Prune(ctx context.Context, inv Inventory, o Options) (gone Inventory, kept []Kept, err error) {
	entries := slices.Clone(inv).sorted()
	slices.Reverse(entries)
	var problems []error
	for _, rank := range byRank(entries, func(e Entry) ID { return e.ID }) {
		looked, failed := sideBySide(rank, ifItMay(o, func(e Entry) (Kept, error) { return c.prune(ctx, e, o.Owner) }))
		for i, e := range rank {
			switch {
			case failed[i] != nil:
				problems = append(problems, failed[i])
			case looked[i].Reason != "":
				kept = append(kept, looked[i])
			default:
				gone = append(gone, e)
			}
		}
	}
	return gone.sorted(), kept, errors.Join(problems...)
}

// Prunable looks at what Prune would do and does nothing: what would go, as it is, and what would be kept.
func (c *Client) Prunable(ctx context.Context, inv Inventory, owner Owner) (goes []*unstructured.Unstructured,
	kept []Kept, err error) {
	entries := slices.Clone(inv).sorted()
	looked, problems := sideBySide(entries, func(e Entry) (*unstructured.Unstructured, error) {
		t, err := c.lookUpEntry(ctx, e)
		return t.live, err
	})
	for i, e := range entries {
		if looked[i] == nil {
			continue
		}
		if reason, ours := mustKeep(e, looked[i], owner); reason != "" {
			kept = append(kept, Kept{Entry: e, Reason: reason, Ours: ours})
			continue
		}
		goes = append(goes, withoutValues(looked[i]))
	}
	return goes, kept, errors.Join(problems...)
}

// prune deletes one object, or says why it is kept. When others write the object between look and deletion it looks
// again.
func (c *Client) prune(ctx context.Context, e Entry, owner Owner) (keep Kept, err error) {
	keep.Entry = e
	t, err := c.lookUpEntry(ctx, e)
	if err != nil || t.mapping == nil {
		return keep, err // a kind that is gone has taken its objects along
	}
	err = c.persist(ctx, &t, func() error {
		live := t.live
		if live == nil {
			return nil
		}
		if keep.Reason, keep.Ours = mustKeep(e, live, owner); keep.Reason != "" || live.GetDeletionTimestamp() != nil {
			return nil
		}
		err := c.remove(ctx, t, live)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return c.refusal(e.ID, err)
	})
	return keep, err
}

// remove deletes exactly what was looked at: another object of that name, or a changed one, stays.
func (c *Client) remove(ctx context.Context, t target, live *unstructured.Unstructured) error {
	uid, version := live.GetUID(), live.GetResourceVersion()
	background := metav1.DeletePropagationBackground
	return c.resource(t).Delete(about(ctx, t.id), t.id.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
		PropagationPolicy: &background,
	})
}

// mustKeep is law 7: why the live object may not be deleted, "" if it may, and whether it is ours all the same.
func mustKeep(e Entry, live *unstructured.Unstructured, owner Owner) (reason string, ours bool) {
	switch holder := live.GetLabels()[OwnerLabel]; {
	case e.UID == "":
		return "nobody recorded whether Daemongate wrote it: its UID is unknown", false
	case e.UID != live.GetUID():
		return "is another object of the same name: somebody deleted and created it since", false
	case holder == "":
		return "its label " + OwnerLabel + " was removed", false
	case holder != owner.Label():
		return "belongs to Sync " + ownerOf(holder) + " now", false
	}
	return mayGo(e, live), true
}

// mayGo says why an object that is ours may not be deleted, "" if it may.
func mayGo(e Entry, live *unstructured.Unstructured) string {
	switch wish := live.GetAnnotations()[PruneAnnotation]; {
	case wish == "disabled":
		return "is annotated " + PruneAnnotation + ": disabled"
	case holdsData(e.ID) && wish != "enabled":
		return fmt.Sprintf("a %s is deleted only if it is annotated %s: enabled", e.Kind, PruneAnnotation)
	}
	return ""
}

// holdsData names the kinds whose deletion takes along what no commit can bring back.
func holdsData(id ID) bool {
	return isDefinition(id) || id.Group == "" && (id.Kind == "Namespace" || id.Kind == "PersistentVolumeClaim")
}
