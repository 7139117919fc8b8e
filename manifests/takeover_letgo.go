package manifests

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// letGo has the takeover managers of an object that was just applied let go of what they hold: what Git names is ours by
// now, and the rest is removed. The one of our own version comes last: while others are there the API server gives back
// what it removed, if that has a default. It returns the object as it is then.
func (c *Client) letGo(ctx context.Context, t target, applied *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	home := t.object.GetAPIVersion()
	live := applied
	versions := takeoverVersions(applied, home)
	if len(versions) > 0 && versions[0] != home {
		renamed, err := c.claimRenamed(ctx, t, applied)
		if err != nil {
			return nil, err
		}
		live, versions = renamed, takeoverVersions(renamed, home)
	}
	for _, version := range versions {
		there, err := c.inVersion(ctx, t, version)
		if err != nil {
			return nil, err
		}
		if there.mapping == nil {
			continue // its version went away meanwhile, and the API server drops such entries
		}
		data, err := there.object.MarshalJSON()
		if err != nil {
			return nil, err
		}
		_, err = c.resource(there).Patch(about(ctx, t.id), t.id.Name, types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: takeoverOf(version)})
		if err != nil {
			return nil, refusal(t.id, err)
		}
		if live, err = c.read(ctx, t); err != nil || live == nil {
			return nil, orGone(t, err)
		}
	}
	return live, nil
}

// takeoverVersions are the versions of an object's takeover managers, home at last.
func takeoverVersions(o *unstructured.Unstructured, home string) []string {
	var foreign, own []string
	for _, e := range o.GetManagedFields() {
		switch {
		case !strings.HasPrefix(e.Manager, takeover):
		case e.APIVersion == home:
			own = append(own, e.APIVersion)
		default:
			foreign = append(foreign, e.APIVersion)
		}
	}
	return append(foreign, own...)
}

func takeoverOf(version string) string { return takeover + strings.ReplaceAll(version, "/", "-") }

func orGone(t target, err error) error {
	if err == nil {
		err = &unready{t.id, "was deleted while it was applied"}
	}
	return err
}

// serves tells whether the API server serves the target's kind in an API version.
func (c *Client) serves(ctx context.Context, t target) func(version string) (bool, error) {
	return func(version string) (bool, error) {
		mapping, err := c.inVersion(ctx, t, version)
		return mapping.mapping != nil, err
	}
}

// inVersion is the target in another API version, with nothing but its identity; without a mapping if that is not served.
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
