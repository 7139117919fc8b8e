package manifests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Drift is one object that is not as the set asks.
type Drift struct {
	Object  ID
	Missing bool
	Changes []Change
	// Managers are the other field managers that hold fields of the set with other values; where none does, because a
	// field was removed, the one that wrote the object last.
	Managers []string
}

// String is for messages: "ConfigMap platform/agent is missing", "… has data.level changed by kubectl-edit".
func (d Drift) String() string {
	if d.Missing {
		return d.Object.String() + " is missing"
	}
	by := "somebody"
	if len(d.Managers) > 0 {
		by = strings.Join(d.Managers, ", ")
	}
	return fmt.Sprintf("%s has %s changed by %s", d.Object, d.Field(), by)
}

// Field is the first field that differs, and how many more do; "" if the object is missing.
func (d Drift) Field() string {
	switch n := len(d.Changes); n {
	case 0:
		return ""
	case 1:
		return d.Changes[0].Path
	default:
		return fmt.Sprintf("%s and %d more", d.Changes[0].Path, n-1)
	}
}

// Change is a field that an apply would change: JSON values, "" for an absent one. A Secret's values are withheld.
type Change struct{ Path, Live, Want string }

// Drifted compares a resolved set with the cluster by a dry run of its apply, in the set's order. Fields that the set
// does not name are no drift. An object that cannot be compared is in the error; the others are reported all the same.
func (c *Client) Drifted(ctx context.Context, s Set, o Options) ([]Drift, error) {
	brought := definitionsOf(s.objects)
	drifts, problems := sideBySide(s.objects, func(object *unstructured.Unstructured) (*Drift, error) {
		return c.drift(ctx, s, object, brought, o)
	})
	var found []Drift
	for _, d := range drifts {
		if d != nil {
			found = append(found, *d)
		}
	}
	return found, errors.Join(problems...)
}

func (c *Client) drift(ctx context.Context, s Set, object *unstructured.Unstructured, brought definitions, o Options) (*Drift, error) {
	t, live, err := c.find(ctx, object, brought, o.Owner)
	if err != nil {
		return nil, err
	}
	answer, err := c.put(ctx, t, write{dryRun: true})
	managers := managersIn(err)
	if len(managers) > 0 {
		answer, err = c.put(ctx, t, write{dryRun: true, force: true})
	}
	switch {
	case live == nil && vanishes(object):
		return nil, nil
	case live == nil && (err == nil || willExist(s, t, err)):
		return &Drift{Object: t.id, Missing: true}, nil
	case err != nil:
		return nil, refusal(t.id, err)
	}
	changes := changesOf(t.id, differences(live, answer))
	if len(changes) == 0 {
		return nil, nil
	}
	if len(managers) == 0 {
		managers = lastWriter(live)
	}
	slices.Sort(managers)
	return &Drift{Object: t.id, Changes: changes, Managers: slices.Compact(managers)}, nil
}

// vanishes reports whether the object is a Job that the cluster deletes when it has finished. Making it anew would run it
// again.
func vanishes(o *unstructured.Unstructured) bool {
	_, found, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "ttlSecondsAfterFinished")
	return found && o.GetKind() == "Job" && o.GroupVersionKind().Group == "batch"
}

// lastWriter is the other field manager that wrote last what is asked of an object; none if that was ourselves.
func lastWriter(live *unstructured.Unstructured) []string {
	var last metav1.ManagedFieldsEntry
	for _, e := range live.GetManagedFields() {
		if e.Subresource == "" && e.Time != nil && (last.Time == nil || !e.Time.Before(last.Time)) {
			last = e
		}
	}
	if last.Manager == "" || last.Manager == FieldManager {
		return nil
	}
	return []string{last.Manager}
}

func changesOf(id ID, found []difference) []Change {
	changes := make([]Change, 0, len(found))
	for _, d := range found {
		changes = append(changes, Change{Path: d.path, Live: shown(id, d.path, d.live), Want: shown(id, d.path, d.want)})
	}
	return changes
}

// shown is a value as JSON. Of a Secret only what is certainly no secret is shown: labels.
func shown(id ID, path string, value any) string {
	switch {
	case value == nil:
		return ""
	case isSecret(id) && !strings.HasPrefix(path, "metadata.labels"):
		return "(withheld)"
	}
	data, err := json.Marshal(value)
	if err != nil {
		return "(not JSON)"
	}
	return string(data)
}
