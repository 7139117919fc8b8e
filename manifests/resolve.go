package manifests

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resolve fills in what depends on the cluster and the Sync: namespaces, by whether a kind has them, and the owner's
// label. Its result is what DryRun and Apply take. Kinds that neither the cluster nor the set defines are Rejected.
func (c *Client) Resolve(ctx context.Context, s Set, o Options) (Set, error) {
	defined := definitionsOf(s.objects)
	resolved := make([]*unstructured.Unstructured, 0, s.Len())
	moved := map[ID]Owner{}
	var problems []error
	var unknown []*unstructured.Unstructured
	for _, wish := range s.objects {
		mapping, err := c.mappingOf(ctx, wish, defined)
		if err != nil {
			problems, unknown = append(problems, err), append(unknown, wish)
			continue
		}
		object := wish.DeepCopy()
		object.SetNamespace(namespaceFor(wish.GetNamespace(), mapping, o))
		to, is, _ := movedTo(object) // NewSet has read the annotation
		to.Home = o.Owner.Home       // it names a Sync of the same cluster
		if is && to != o.Owner {
			moved[IDOf(object)] = to
			continue
		}
		label(object, o.Owner)
		resolved = append(resolved, object)
	}
	if len(problems) > 0 {
		return Set{}, joined(unknown, problems)
	}
	set, err := NewSet(resolved)
	set.moved = moved
	return set, err
}

// mappingOf finds the object's resource in the cluster, or else in the set's own definitions.
func (c *Client) mappingOf(ctx context.Context, o *unstructured.Unstructured,
	defined definitions) (*meta.RESTMapping, error) {
	gvk := o.GroupVersionKind()
	mapping, err := c.mapper.find(ctx, gvk.GroupKind(), gvk.Version)
	if err == nil {
		return mapping, nil
	}
	if !meta.IsNoMatchError(err) {
		return nil, wrap(IDOf(o), err)
	}
	if mapping := defined.mapping(gvk); mapping != nil {
		return mapping, nil
	}
	return nil, &Rejected{IDOf(o), ReasonUnknownKind, fmt.Sprintf(
		"the cluster has no kind %s in %s: install its CustomResourceDefinition, add it to this set, or correct "+
			"apiVersion and kind",
		gvk.Kind, gvk.GroupVersion())}
}

func namespaceFor(asked string, mapping *meta.RESTMapping, o Options) string {
	switch {
	case mapping.Scope.Name() == meta.RESTScopeNameRoot:
		return ""
	case o.TargetNamespace != "":
		return o.TargetNamespace
	case asked != "":
		return asked
	}
	return o.DefaultNamespace
}

func label(o *unstructured.Unstructured, owner Owner) {
	if owner == (Owner{}) { // it is only compared
		return
	}
	setLabel(o, owner.Label())
}

func setLabel(o *unstructured.Unstructured, value string) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[OwnerLabel] = value
	o.SetLabels(labels)
}

// Resources are where the API server has each object of a set.
func (c *Client) Resources(ctx context.Context, s Set) (map[ID]schema.GroupVersionResource, error) {
	defined := definitionsOf(s.objects)
	all := make(map[ID]schema.GroupVersionResource, s.Len())
	for _, o := range s.objects {
		mapping, err := c.mappingOf(ctx, o, defined)
		if err != nil {
			return nil, err
		}
		all[IDOf(o)] = mapping.Resource
	}
	return all, nil
}
