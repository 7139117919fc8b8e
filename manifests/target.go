package manifests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// target is one object of a set and where in the API it lives.
type target struct {
	id      ID
	object  *unstructured.Unstructured
	mapping *meta.RESTMapping
	// live is what was looked at there, or what our own last write has left there: nil if nothing is there.
	live *unstructured.Unstructured
}

// find locates an object of a set and looks at what lives there. What an owner may not write is an error.
func (c *Client) find(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	owner Owner) (target, error) {
	t, err := c.locate(ctx, object, defined)
	if err != nil {
		return target{}, err
	}
	read := c.readFound
	if defined.mapping(object.GroupVersionKind()) != nil {
		read = c.read // it may not be served yet
	}
	if t.live, err = read(ctx, t); err != nil {
		return target{}, err
	}
	return t, mayWrite(t.id, t.live, owner)
}

// locate finds where an object of a set lives.
func (c *Client) locate(ctx context.Context, object *unstructured.Unstructured, defined definitions) (target, error) {
	mapping, err := c.mappingOf(ctx, object, defined)
	return target{id: IDOf(object), object: object, mapping: mapping}, err
}

func (c *Client) resource(t target) dynamic.ResourceInterface {
	resource := c.dynamic.Resource(t.mapping.Resource)
	if t.mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return resource
	}
	return resource.Namespace(t.id.Namespace)
}

// read is the live object, nil if there is none.
func (c *Client) read(ctx context.Context, t target) (*unstructured.Unstructured, error) {
	live, err := c.get(ctx, t)
	return c.lives(t, live, err)
}

func (c *Client) get(ctx context.Context, t target) (*unstructured.Unstructured, error) {
	return c.resource(t).Get(about(ctx, t.id), t.id.Name, metav1.GetOptions{})
}

// lives is what an answer to get says: nil if there is no object.
func (c *Client) lives(t target, live *unstructured.Unstructured, err error) (*unstructured.Unstructured, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.refusal(t.id, err)
	}
	return live, nil
}

// moved says that others have changed the definition of an object's kind since it was looked up.
const moved = "its kind is not served any more where it was: it is looked up again"

// readFound is read where the kind was found to be served. That nothing is served there any more does not say that the
// object is not there: it may be served elsewhere by now.
func (c *Client) readFound(ctx context.Context, t target) (*unstructured.Unstructured, error) {
	live, err := c.get(ctx, t)
	if notServed(err) {
		outdated, lookErr := c.mapper.outdated(ctx, t.mapping)
		switch {
		case lookErr != nil:
			return nil, wrap(t.id, lookErr)
		case outdated:
			return nil, &unready{t.id, moved}
		}
	}
	return c.lives(t, live, err)
}

// lookUp finds where an object lives and reads what is there, and does so again if its kind is served elsewhere by now.
func (c *Client) lookUp(ctx context.Context, find func() (target, error)) (t target, err error) {
	for try := range 2 {
		if t, err = find(); err != nil || t.mapping == nil {
			return t, err
		}
		t.live, err = c.readFound(ctx, t)
		if u := (*unready)(nil); try > 0 || !errors.As(err, &u) || u.why != moved {
			break
		}
	}
	return t, err
}

// mayWrite refuses an object that belongs to another Sync, and one that is on its way out: what is applied to it would
// vanish with it.
func mayWrite(id ID, live *unstructured.Unstructured, owner Owner) error {
	if owner == (Owner{}) {
		return fmt.Errorf("%s: is of no Sync, and would be written for none", id)
	}
	if live == nil {
		return nil
	}
	if holder, managed := live.GetLabels()[OwnerLabel]; managed && holder != owner.Label() {
		moves := ""
		if _, home, _ := strings.Cut(holder, homeMark); home == owner.Home { // the annotation names no cluster
			moves = fmt.Sprintf("annotate it there with %s: %s/%s, or ", MoveAnnotation, owner.Namespace, owner.Name)
		}
		return &Rejected{id, ReasonOwned, fmt.Sprintf("belongs to Sync %s: %sremove it there; if there is no such "+
			"Sync any more, remove the label %s from it", ownerOf(holder), moves, OwnerLabel)}
	}
	return mayStay(id, live)
}

// mayStay refuses an object that is on its way out.
func mayStay(id ID, live *unstructured.Unstructured) error {
	if live != nil && live.GetDeletionTimestamp() != nil {
		return &unready{id, "is being deleted: waiting until it is gone"}
	}
	return nil
}

// Glance reads an owner's objects, as they are when it is called: one list of each kind in each namespace, in the
// version that is asked for, of what carries the owner's label. It is a list of metadata, and where there are any of
// which more is wanted, one of whole objects, each an *unstructured.Unstructured. What is not there, or cannot be
// listed, is left out.
func (c *Client) Glance(ctx context.Context, inv Inventory, owner Owner, whole map[ID]bool) map[ID]metav1.Object {
	type versioned struct {
		place
		version string
	}
	wholly, asked := map[versioned]bool{}, make(map[ID]string, len(inv))
	for _, e := range inv {
		at := versioned{place{e.groupKind(), e.Namespace}, e.Version}
		wholly[at] = wholly[at] || whole[e.ID]
		asked[e.ID] = e.Version
	}
	places := slices.Collect(maps.Keys(wholly))
	lists, _ := sideBySide(places, func(at versioned) ([]metav1.Object, error) {
		mapping, err := c.mapper.find(ctx, at.kind, at.version)
		if err != nil {
			return nil, err
		}
		return c.listed(ctx, mapping.Resource, at.namespace, owner, wholly[at])
	})
	seen := make(map[ID]metav1.Object, len(inv))
	for i, at := range places {
		for _, o := range lists[i] {
			id := ID{Group: at.kind.Group, Kind: at.kind.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
			if version, is := asked[id]; is && version == at.version {
				seen[id] = o
			}
		}
	}
	return seen
}

// listed are an owner's objects of a resource: their metadata, or the whole of them.
func (c *Client) listed(ctx context.Context, resource schema.GroupVersionResource, namespace string, owner Owner,
	whole bool) (all []metav1.Object, err error) {
	if whole {
		list, err := c.dynamic.Resource(resource).Namespace(namespace).List(ctx, ownedBy(owner))
		if err != nil {
			return nil, err
		}
		return objectsIn(list.Items), nil
	}
	list, err := c.metadata.Resource(resource).Namespace(namespace).List(ctx, ownedBy(owner))
	if err != nil {
		return nil, err
	}
	return objectsIn(list.Items), nil
}

// objectsIn are the items of a list.
func objectsIn[T any, P interface {
	*T
	metav1.Object
}](items []T) (all []metav1.Object) {
	for i := range items {
		all = append(all, P(&items[i]))
	}
	return all
}

func ownedBy(owner Owner) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: labels.Set{OwnerLabel: owner.Label()}.String()}
}
