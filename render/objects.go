package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apijson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// written are objects as kustomize writes them as JSON, one after the other.
type written struct {
	count int
	json  func(i int) ([]byte, error)
}

// wholly is what kustomize came to when it rendered everything at once.
func wholly(resources []*resource.Resource) written {
	return written{len(resources), func(i int) ([]byte, error) {
		json, err := resources[i].MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s %s: cannot be written as JSON: %w", resources[i].GetKind(),
				resources[i].GetName(), err)
		}
		return json, nil
	}}
}

// objects makes what kustomize came to into objects, by way of its own JSON: what it would print is what they hold.
func (r *reader) objects(w written) ([]*unstructured.Unstructured, error) {
	if w.count > r.limit.Objects {
		return nil, fmt.Errorf("renders to %d objects, more than %d: render fewer or raise the limit", w.count,
			r.limit.Objects)
	}
	objects := make([]*unstructured.Unstructured, 0, w.count)
	first := make(map[yamlfile.Identity]*unstructured.Unstructured, w.count)
	var written int64
	for i := range w.count {
		json, err := w.json(i)
		if err != nil {
			return nil, err
		}
		object, err := r.index.object(json)
		if err != nil {
			return nil, err
		}
		if written += int64(len(json)); written > mostGrowth*r.limit.TotalSize {
			return nil, fmt.Errorf("%s: with it the objects come to more than %d bytes: render less, or raise "+
				"render.maxTotalSize, of which this is twice", yamlfile.IdentityOf(object),
				mostGrowth*r.limit.TotalSize)
		}
		id := yamlfile.IdentityOf(object)
		if other, twice := first[id]; twice {
			return nil, fmt.Errorf("%s: is there twice: %s: remove or rename one", id, r.index.places(other, object))
		}
		first[id] = object
		objects = append(objects, object)
	}
	return objects, nil
}

// mostGrowth is how many times the bytes that all files may have the objects may come to. kustomize itself can hold one
// text for many objects, as a replacement's, but written out each has its own.
const mostGrowth = 2

func (x index) object(json []byte) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(json); err != nil {
		var named metav1.PartialObjectMetadata
		_ = apijson.Unmarshal(json, &named) // as far as it goes
		return nil, fmt.Errorf("%s %s: is no object: %w", named.Kind, named.Name, err)
	}
	if object.GetAPIVersion() == "" || object.GetKind() == "" || object.GetName() == "" {
		return nil, fmt.Errorf("%s %s (from %s): has no apiVersion, kind or name", object.GetKind(), object.GetName(),
			x.places(object))
	}
	annotations := object.GetAnnotations()
	before := len(annotations)
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return strings.HasPrefix(key, "internal.config.kubernetes.io/")
	})
	if len(annotations) < before {
		object.SetAnnotations(annotations)
	}
	return object, nil
}

// places are the files that the resources come from, as far as that is known: a generated one comes from none.
func (x index) places(objects ...*unstructured.Unstructured) string {
	var all []string
	for _, o := range objects {
		kind := o.GroupVersionKind()
		id := resid.NewResIdWithNamespace(resid.NewGvk(kind.Group, kind.Version, kind.Kind), o.GetName(),
			o.GetNamespace())
		for _, place := range x[id.String()] {
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
