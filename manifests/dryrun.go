package manifests

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/fields"
)

// DryRun asks the API server about every object of a resolved set and writes nothing. The error joins a *Rejected or
// *Conflict for each object that would not be taken, and the trouble (Temporary) that kept others from being asked.
func (c *Client) DryRun(ctx context.Context, s Set, o Options) error {
	_, err := c.Preview(ctx, s, o)
	return err
}

// Preview is DryRun that also returns what the API server would make of each object, defaults filled in. Those that it
// cannot be asked about before others of the set are there are left out.
func (c *Client) Preview(ctx context.Context, s Set, o Options) ([]*unstructured.Unstructured, error) {
	defined := definitionsOf(s.objects)
	asked := o.unproven(s.objects)
	answers, problems := sideBySide(asked, func(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return c.dryRun(ctx, s, object, defined, o)
	})
	there := slices.DeleteFunc(answers, func(u *unstructured.Unstructured) bool { return u == nil })
	return there, joined(asked, problems)
}

func (c *Client) dryRun(ctx context.Context, s Set, object *unstructured.Unstructured, defined definitions,
	o Options) (*unstructured.Unstructured, error) {
	if _, answer := c.overLast(ctx, object, defined, o, trying(false)); answer != nil {
		return answer, nil
	}
	t, answer, err := c.tryNew(ctx, object, defined, o)
	if answer == nil && err == nil {
		if t, err = c.find(ctx, object, defined, o.Owner); err != nil {
			return nil, err
		}
		answer, err = c.try(ctx, t, o)
	}
	if t.live == nil {
		o.Absences.asked(t.id, err)
	}
	if err == nil {
		return answer, nil
	}
	if t.live == nil && willExist(s, t, err) {
		return nil, c.tryElsewhere(ctx, s, t, o)
	}
	err = explainSecret(object, c.refusal(t.id, err))
	if isInvalid(err) && c.redefines(ctx, s, object) {
		return nil, nil
	}
	if o.Recreate && isImmutable(err) && reselects(t.live, object) {
		return c.tryRecreate(ctx, t, o)
	}
	return nil, err
}

func isInvalid(err error) bool {
	var rejected *Rejected
	return errors.As(err, &rejected) && rejected.Reason == ReasonInvalid
}

// redefines reports whether the set changes the definition of the object's kind: then the schema that the dry run
// judged by is not the one that will be in force.
func (c *Client) redefines(ctx context.Context, s Set, object *unstructured.Unstructured) bool {
	gk := object.GroupVersionKind().GroupKind()
	for _, o := range s.objects {
		if _, defines := definitionsOf([]*unstructured.Unstructured{o})[gk]; !defines {
			continue
		}
		t, err := c.locate(ctx, o, nil)
		if err != nil {
			return false
		}
		live, err := c.read(ctx, t)
		if err != nil || live == nil {
			return false
		}
		answer, err := c.ask(ctx, t, true)
		return err == nil && len(fields.Differences(live, answer)) > 0
	}
	return false
}

// tryElsewhere asks about an object whose namespace the set itself brings in a namespace that is always there. What
// that namespace's own rights, quotas and policies say to it counts for nothing, but an invalid object is one
// everywhere.
func (c *Client) tryElsewhere(ctx context.Context, s Set, t target, o Options) error {
	if t.id.Namespace == "" || definitionsOf(s.objects).mapping(t.object.GroupVersionKind()) != nil {
		return nil
	}
	there := target{id: t.id, object: t.object.DeepCopy(), mapping: t.mapping}
	there.id.Namespace = metav1.NamespaceDefault
	there.object.SetNamespace(metav1.NamespaceDefault)
	if o.Absences == nil {
		return c.invalidThere(ctx, there, t)
	}
	// What is taken is refused before it is judged, but for a field that others hold with another value.
	if _, err := c.send(ctx, there, over(nil, there.object), trying(false)); isInvalid(c.refusal(t.id, err)) {
		return c.invalidThere(ctx, there, t)
	}
	return nil
}

// invalidThere says what is invalid of a target's object at a place where nothing is; nil if something is.
func (c *Client) invalidThere(ctx context.Context, there, t target) error {
	if taken, err := c.read(ctx, there); err != nil || taken != nil {
		return nil
	}
	_, err := c.ask(ctx, there, false)
	if err := explainSecret(t.object, c.refusal(t.id, err)); isInvalid(err) {
		return err
	}
	return nil
}

// try is the dry run of what apply would do: what stands in the way of kubectl's managers only will be folded in.
func (c *Client) try(ctx context.Context, t target, o Options) (*unstructured.Unstructured, error) {
	answer, err := c.ask(ctx, t, false)
	if conflicting := managersIn(err); len(conflicting) > 0 && (o.Force || fields.AllKubectl(conflicting)) {
		answer, err = c.ask(ctx, t, true)
	}
	return answer, err
}

// willExist reports whether the refusal only says that something is missing which the set itself brings: its namespace,
// its definition, the role that a binding names.
func willExist(s Set, t target, err error) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	if notServed(err) {
		return definitionsOf(s.objects).mapping(t.object.GroupVersionKind()) != nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	missing := status.Status().Details
	for _, o := range s.objects {
		plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
		if o.GetName() == missing.Name && plural.Resource == missing.Kind && plural.Group == missing.Group {
			return true
		}
	}
	return false
}
