package manifests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/fields"
)

// Drift is one object that is not as the set asks.
type Drift struct {
	Object  ID
	Missing bool
	Changes []Change
	// Managers are the other field managers that hold fields of the set with other values; where none does, because a
	// field was removed, the one that wrote the object last.
	Managers []string
	// Holders are those managers by the path of the change that each is known to have made.
	Holders map[string]string
}

// Holder is the manager that made a change: the first of all where it is not known of which.
func (d Drift) Holder(c Change) string {
	if by := d.Holders[c.Path]; by != "" || len(d.Managers) == 0 {
		return by
	}
	return d.Managers[0]
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

// Drifted says how a resolved set is not as asked in the cluster, and what could not be compared.
func (c *Client) Drifted(ctx context.Context, s Set, o Options) ([]Drift, error) {
	drifts, _, err := c.Compare(ctx, s, o)
	return drifts, err
}

// Compare compares a resolved set with the cluster by a dry run of its apply, in the set's order. Fields that the set
// does not name are no drift. It also returns the objects that are as asked, as they are, of those that we applied. An
// object that cannot be compared is in the error; the others are reported all the same.
func (c *Client) Compare(ctx context.Context, s Set, o Options) (drifts []Drift, asAsked []Applied, err error) {
	defined := definitionsOf(s.objects)
	results, problems := sideBySide(s.objects, func(object *unstructured.Unstructured) (comparison, error) {
		return c.compare(ctx, s, object, defined, o)
	})
	for _, r := range results {
		if r.drift != nil {
			drifts = append(drifts, *r.drift)
		}
		if r.same != nil {
			asAsked = append(asAsked, *r.same)
		}
	}
	return drifts, asAsked, errors.Join(problems...)
}

// comparison is what became of comparing one object: how it drifted, or what it is if it did not.
type comparison struct {
	drift *Drift
	same  *Applied
}

// pair is an object as it is and as a dry run of its apply would have it; err is the dry run's.
type pair struct {
	target       target
	live, answer *unstructured.Unstructured
	holders      map[string]string // by field that the set asks for: who holds it with another value
	managers     []string          // these, and each once
	err          error
	conflicts    error  // an apply without force would meet, nil if none
	as           string // in whose name it was tried
}

// torn reports whether somebody wrote the object between the read and the dry run. What they wrote would be taken for
// drift, although the set may not name it.
func (p pair) torn() bool {
	return p.live != nil && p.err == nil && p.live.GetResourceVersion() != p.answer.GetResourceVersion() &&
		len(fields.Differences(p.live, p.answer)) > 0
}

// settled reports whether the dry run changed nothing at all of what was read right before it.
func (p pair) settled() bool {
	return p.conflicts == nil && p.live.GetResourceVersion() == p.answer.GetResourceVersion() &&
		equality.Semantic.DeepEqual(p.live.GetManagedFields(), p.answer.GetManagedFields())
}

func (c *Client) pair(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	o Options) (pair, error) {
	t, err := c.find(ctx, object, defined, o.Owner)
	if err != nil {
		return pair{}, err
	}
	return c.pairOf(ctx, t), nil
}

// pairOf is the pair of an object that was just read.
func (c *Client) pairOf(ctx context.Context, t target) pair {
	p := pair{target: t, live: t.live, as: c.as}
	p.answer, p.err = c.ask(ctx, t, false)
	p.holders, p.managers = holdersIn(p.err), managersIn(p.err)
	if len(p.managers) > 0 {
		p.conflicts = c.refusal(t.id, p.err)
		p.answer, p.err = c.ask(ctx, t, true)
	}
	return p
}

// mostPairs is how often an object is looked at that others keep writing.
const mostPairs = 5

func (c *Client) compare(ctx context.Context, s Set, object *unstructured.Unstructured, defined definitions,
	o Options) (comparison, error) {
	for range mostPairs {
		p, err := c.pair(ctx, object, defined, o)
		switch {
		case err != nil:
			return comparison{}, err
		case !p.torn():
			return p.compare(s, o)
		}
	}
	return comparison{}, &unready{IDOf(object), "others write it faster than it can be compared"}
}

func (p pair) compare(s Set, o Options) (comparison, error) {
	id, live, managers := p.target.id, p.live, p.managers
	switch {
	case live == nil && vanishes(p.target.object):
		return comparison{}, nil
	case live == nil && (p.err == nil || willExist(s, p.target, p.err)):
		return comparison{drift: &Drift{Object: id, Missing: true}}, nil
	case p.err != nil:
		return comparison{}, refusal(id, p.err, p.as)
	}
	changes := changesOf(id, fields.Differences(live, p.answer))
	switch {
	case len(changes) == 0 && madeByOthers(id, live, o.Inventory):
		changes = []Change{{Path: "metadata.uid", Live: string(live.GetUID())}}
	case len(changes) == 0 && fields.IsOurs(live):
		same := applied(p.target, live, live)
		same.Settled = p.settled()
		return comparison{same: &same}, nil
	case len(changes) == 0:
		return comparison{}, nil
	}
	if len(managers) == 0 {
		managers = lastWriter(live)
	}
	slices.Sort(managers)
	return comparison{drift: &Drift{Object: id, Changes: changes, Managers: slices.Compact(managers),
		Holders: p.holders}}, nil
}

// madeByOthers reports whether somebody else made anew what we applied: then no field of it is ours.
func madeByOthers(id ID, live *unstructured.Unstructured, inv Inventory) bool {
	e, found := inv.Find(id)
	return found && e.UID != "" && e.UID != live.GetUID() && !fields.IsOurs(live)
}

// vanishes reports whether the object is a Job that the cluster deletes when it has finished. Making it anew would run
// it again.
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

func changesOf(id ID, found []fields.Difference) []Change {
	changes := make([]Change, 0, len(found))
	for _, d := range found {
		changes = append(changes, Change{Path: d.Path, Live: shown(id, d.Path, d.Live),
			Want: shown(id, d.Path, d.Want)})
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
