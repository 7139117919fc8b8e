package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

// definition is what a CustomResourceDefinition of the set says about the kind it brings.
type definition struct {
	plural     string
	namespaced bool
	versions   []string
}

// definitions are the kinds that the set itself brings: their objects are known before the cluster knows them.
type definitions map[schema.GroupKind]definition

func definitionsOf(objects []*unstructured.Unstructured) definitions {
	found := definitions{}
	for _, o := range objects {
		if !isDefinition(IDOf(o)) {
			continue
		}
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		plural, _, _ := unstructured.NestedString(o.Object, "spec", "names", "plural")
		scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope")
		found[schema.GroupKind{Group: group, Kind: kind}] = definition{
			plural: plural, namespaced: scope == "Namespaced", versions: versionsOf(o),
		}
	}
	return found
}

func versionsOf(o *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	var names []string
	for _, item := range list {
		if version, ok := item.(map[string]any); ok {
			name, _, _ := unstructured.NestedString(version, "name")
			names = append(names, name)
		}
	}
	return names
}

// mapping is the resource of a kind that the set brings, nil if it does not.
func (d definitions) mapping(gvk schema.GroupVersionKind) *meta.RESTMapping {
	def, found := d[gvk.GroupKind()]
	if !found || !slices.Contains(def.versions, gvk.Version) {
		return nil
	}
	return &meta.RESTMapping{Resource: gvk.GroupVersion().WithResource(def.plural), GroupVersionKind: gvk,
		Scope: scopeOf(def.namespaced)}
}

// establishWithin bounds the wait for a new definition to be served, during which its Sync does nothing else. It takes
// the API server a fraction of a second.
const establishWithin = 10 * time.Second

// established waits until the API server serves the kinds of these definitions.
func (c *Client) established(ctx context.Context, written []Applied) error {
	var problems []error
	for _, a := range written {
		if !isDefinition(a.ID) {
			continue
		}
		t := target{id: a.ID, object: a.Object}
		mapping, err := c.mapper.find(ctx, a.groupKind(), a.Version)
		if err != nil {
			return wrap(a.ID, err)
		}
		t.mapping = mapping
		problems = append(problems, c.awaitEstablished(ctx, t))
	}
	if len(problems) > 0 {
		c.mapper.reset(ctx)
	}
	return errors.Join(problems...)
}

// unestablished are those definitions that the API server did not serve when they were looked at.
func unestablished(alone []Applied) []Applied {
	return slices.DeleteFunc(slices.Clone(alone), func(a Applied) bool {
		return !isDefinition(a.ID) || isEstablished(a.Object)
	})
}

// awaitEstablished waits for one of them. A name that is refused stays so until somebody makes room for it.
func (c *Client) awaitEstablished(ctx context.Context, t target) error {
	var refused string
	live := t.object
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, establishWithin, true,
		func(ctx context.Context) (bool, error) {
			if isEstablished(live) {
				return true, nil
			}
			var err error
			if live, err = c.read(ctx, t); err != nil && !transient(err) {
				return false, err
			}
			refused = refusedName(live)
			return isEstablished(live) || refused != "", nil
		})
	switch {
	case refused != "":
		return &unready{t.id, "is not Established: " + refused}
	case wait.Interrupted(err) && ctx.Err() == nil:
		return &unready{t.id, fmt.Sprintf("is not Established after %s", establishWithin)}
	}
	return err
}

func isEstablished(crd *unstructured.Unstructured) bool {
	said, _ := ConditionOf(crd, "Established")
	return said["status"] == "True"
}

// refusedName is why the API server does not take the names of a definition that is not served; empty if it does, or
// has not looked yet.
func refusedName(crd *unstructured.Unstructured) string {
	if said, _ := ConditionOf(crd, "NamesAccepted"); said["status"] == "False" && !isEstablished(crd) {
		return fmt.Sprint(said["message"])
	}
	return ""
}
