package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// objects makes what kustomize came to into objects, by way of its own JSON: what it would print is what they hold.
func (r *reader) objects(resources []*resource.Resource) ([]*unstructured.Unstructured, error) {
	if len(resources) > r.limit.Objects {
		return nil, fmt.Errorf("renders to %d objects, more than %d: render fewer or raise the limit", len(resources),
			r.limit.Objects)
	}
	objects := make([]*unstructured.Unstructured, 0, len(resources))
	first := make(map[yamlfile.Identity]*resource.Resource, len(resources))
	var written int64
	for _, res := range resources {
		object, size, err := r.index.object(res)
		if err != nil {
			return nil, err
		}
		if written += size; written > mostGrowth*r.limit.TotalSize {
			return nil, fmt.Errorf("%s: with it the objects come to more than %d bytes: render less, or raise "+
				"render.maxTotalSize, of which this is twice", yamlfile.IdentityOf(object),
				mostGrowth*r.limit.TotalSize)
		}
		id := yamlfile.IdentityOf(object)
		if other, twice := first[id]; twice {
			return nil, fmt.Errorf("%s: is there twice: %s: remove or rename one", id, r.index.places(other, res))
		}
		first[id] = res
		objects = append(objects, object)
	}
	return objects, nil
}

// mostGrowth is how many times the bytes that all files may have the objects may come to. kustomize itself can hold one
// text for many objects, as a replacement's, but written out each has its own.
const mostGrowth = 2

func (x index) object(res *resource.Resource) (object *unstructured.Unstructured, size int64, err error) {
	json, err := res.MarshalJSON()
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: cannot be written as JSON: %w", res.GetKind(), res.GetName(), err)
	}
	object = &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(json); err != nil {
		return nil, 0, fmt.Errorf("%s %s: is no object: %w", res.GetKind(), res.GetName(), err)
	}
	if object.GetAPIVersion() == "" || object.GetKind() == "" || object.GetName() == "" {
		return nil, 0, fmt.Errorf("%s %s (from %s): has no apiVersion, kind or name", res.GetKind(), res.GetName(),
			x.places(res))
	}
	annotations := object.GetAnnotations()
	before := len(annotations)
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return strings.HasPrefix(key, "internal.config.kubernetes.io/")
	})
	if len(annotations) < before {
		object.SetAnnotations(annotations)
	}
	return object, int64(len(json)), nil
}

// places are the files that the resources come from, as far as that is known: a generated one comes from none.
func (x index) places(resources ...*resource.Resource) string {
	var all []string
	for _, res := range resources {
		for _, place := range x[res.OrgId().String()] {
			if !slices.Contains(all, place) {
				all = append(all, place)
			}
		}
	}
	if len(all) == 0 {
		return "generated"
	}
	return strings.Join(all, " and ")
}
