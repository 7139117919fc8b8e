package manifests

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

// bareObject is nothing but an identity.
func bareObject(gvk schema.GroupVersionKind, id ID) *unstructured.Unstructured {
	bare := &unstructured.Unstructured{Object: map[string]any{}}
	bare.SetGroupVersionKind(gvk)
	bare.SetNamespace(id.Namespace)
	bare.SetName(id.Name)
	return bare
}

// putFolded applies when kubectl's managers have been folded. Takeover managers alone are overruled: as every write, it
// is refused if anybody else has written since.
func (c *Client) putFolded(ctx context.Context, t target, force bool) (*unstructured.Unstructured, error) {
	answer, err := c.put(ctx, t, force)
	managers := managersIn(err)
	if len(managers) == 0 {
		return answer, err
	}
	for _, m := range managers {
		if !fields.IsTakeover(m) {
			return answer, err
		}
	}
	return c.put(ctx, t, true)
}

// letGo has the takeover managers of an object that was just applied let go of what they hold: what Git names is ours
// by now, and the rest is removed. The one of our own version comes last: while others are there the API server gives
// back what it removed, if that has a default. It returns the object as it is then.
func (c *Client) letGo(ctx context.Context, t target, applied *unstructured.Unstructured) (*unstructured.Unstructured,
	error) {
	home := t.object.GetAPIVersion()
	t.live = applied
	err := c.persist(ctx, &t, func() error {
		if t.live == nil {
			return &unready{t.id, "was deleted while it was applied"}
		}
		versions := fields.TakeoverVersions(t.live, home)
		if len(versions) > 0 && versions[0] != home {
			if err := c.claimRenamed(ctx, &t); err != nil {
				return err
			}
			versions = fields.TakeoverVersions(t.live, home)
		}
		for _, version := range versions {
			if err := c.letGoIn(ctx, &t, version); err != nil {
				return err
			}
		}
		return nil
	})
	return t.live, err
}

// letGoIn has the takeover manager of one version let go of what it holds.
func (c *Client) letGoIn(ctx context.Context, t *target, version string) error {
	there, err := c.inVersion(ctx, *t, version)
	if err != nil || there.mapping == nil { // its version went away meanwhile, and the API server drops such entries
		return err
	}
	_, err = c.send(ctx, there, over(t.live, there.object),
		metav1.PatchOptions{FieldManager: fields.TakeoverManager(version)})
	if err != nil {
		return c.refusal(t.id, err)
	}
	left, err := c.read(ctx, *t)
	if err == nil && left == nil {
		err = &unready{t.id, "was deleted while it was applied"}
	}
	if err == nil {
		t.live = left
	}
	return err
}

// claimRenamed gives the fields that nobody owns to the takeover manager of our own version, if kubectl wrote fields
// that have other names there: these are among them, and so may be defaults, which the API server fills in again.
func (c *Client) claimRenamed(ctx context.Context, t *target) error {
	patch, err := fields.ClaimPatch(t.live, t.object.GetAPIVersion())
	if err != nil || patch == nil {
		return err
	}
	answer, err := c.resource(*t).Patch(about(ctx, t.id), t.id.Name, types.JSONPatchType, patch,
		metav1.PatchOptions{FieldManager: FieldManager})
	if err == nil {
		t.live = answer
	}
	return c.refusal(t.id, err)
}

// serves tells whether the API server serves the target's kind in an API version.
func (c *Client) serves(ctx context.Context, t target) func(version string) (bool, error) {
	return func(version string) (bool, error) {
		mapping, err := c.inVersion(ctx, t, version)
		return mapping.mapping != nil, err
	}
}

// inVersion is the target in another API version, with nothing but its identity; without a mapping if that is not
// served.
func (c *Client) inVersion(ctx context.Context, t target, version string) (target, error) {
	gv, err := schema.ParseGroupVersion(version)
	if err != nil {
		return target{}, err
	}
	gvk := gv.WithKind(t.id.Kind)
	mapping, err := c.mapper.served(ctx, gvk)
	if err != nil {
		return target{}, fmt.Errorf("%s: look up API version %s: %w", t.id, version, err)
	}
	return target{id: t.id, object: bareObject(gvk, t.id), mapping: mapping}, nil
}
