package manifests

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// takeover begins the names of the managers that hold, for as long as an apply takes, what kubectl owned in other API
// versions than ours is in. An entry of fields is of one version, and only the API server knows what a field is called in
// another: so the rest of what such a manager holds is removed by an apply of its own, in its version, after ours.
const takeover = "daemongate-takeover-"

// isKubectl reports whether a manager's fields are taken over without force.
func isKubectl(manager string) bool {
	return kubectlManagers.Has(manager) || strings.HasPrefix(manager, takeover)
}

// kubectlEntry reports whether an entry is one that kubectl wrote. `kubectl scale` writes by a subresource.
func kubectlEntry(e metav1.ManagedFieldsEntry) bool {
	return kubectlManagers.Has(e.Manager) && (e.Subresource == "" || e.Subresource == "scale")
}

// homeVersion is the API version of our own entry, or that of the object that is about to be applied if there is none.
func homeVersion(live, object *unstructured.Unstructured) string {
	for _, e := range live.GetManagedFields() {
		if e.Manager == FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return e.APIVersion
		}
	}
	return object.GetAPIVersion()
}

// handOver gives kubectl's entries, if some are of other versions than home, to managers that can be made to let go of them:
// one for each version. A version that is no longer served is taken for home's: most fields have kept their names.
func handOver(entries []metav1.ManagedFieldsEntry, home string, served func(version string) (bool, error)) ([]metav1.ManagedFieldsEntry, error) {
	entries, foreign, err := inServedVersions(entries, home, served)
	if err != nil || !foreign {
		return entries, err
	}
	var out []metav1.ManagedFieldsEntry
	at := map[string]int{} // where each version's manager stands in out
	for _, e := range entries {
		if e.FieldsV1 == nil || !kubectlEntry(e) && !strings.HasPrefix(e.Manager, takeover) {
			out = append(out, e)
			continue
		}
		e.Manager = takeoverOf(e.APIVersion)
		e.Operation, e.Subresource = metav1.ManagedFieldsOperationApply, ""
		if i, found := at[e.Manager]; found {
			if err := unite(&out[i], e); err != nil {
				return nil, err
			}
			continue
		}
		e.FieldsV1 = e.FieldsV1.DeepCopy()
		at[e.Manager] = len(out)
		out = append(out, e)
	}
	return out, nil
}

// inServedVersions reports whether kubectl wrote in another version than home that is served.
func inServedVersions(entries []metav1.ManagedFieldsEntry, home string, served func(version string) (bool, error)) (out []metav1.ManagedFieldsEntry, foreign bool, err error) {
	out = slices.Clone(entries)
	for i, e := range out {
		if !isKubectl(e.Manager) || e.APIVersion == home {
			continue
		}
		ok, err := served(e.APIVersion)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			out[i].APIVersion = home
		}
		foreign = foreign || ok
	}
	return out, foreign, nil
}

// unite adds the fields of another entry of the same version.
func unite(to *metav1.ManagedFieldsEntry, other metav1.ManagedFieldsEntry) error {
	a, err := fieldSet(*to)
	if err != nil {
		return err
	}
	b, err := fieldSet(other)
	if err != nil {
		return err
	}
	data, err := a.Union(b).ToJSON()
	if err != nil {
		return err
	}
	to.FieldsV1.SetRawBytes(data)
	return nil
}

// bareObject is nothing but an identity.
func bareObject(gvk schema.GroupVersionKind, id ID) *unstructured.Unstructured {
	bare := &unstructured.Unstructured{Object: map[string]any{}}
	bare.SetGroupVersionKind(gvk)
	bare.SetNamespace(id.Namespace)
	bare.SetName(id.Name)
	return bare
}

// putFolded applies when kubectl's managers have been folded. Takeover managers alone are overruled, by a write that is
// refused if anybody else has written since the object was read: force would overrule them too.
func (c *Client) putFolded(ctx context.Context, t target, force bool) (*unstructured.Unstructured, error) {
	live, err := c.read(ctx, t)
	if err != nil {
		return nil, err
	}
	answer, err := c.put(ctx, t, write{force: force})
	managers := managersIn(err)
	if live == nil || len(managers) == 0 {
		return answer, err
	}
	for _, m := range managers {
		if !strings.HasPrefix(m, takeover) {
			return answer, err
		}
	}
	t.object = t.object.DeepCopy()
	t.object.SetResourceVersion(live.GetResourceVersion())
	return c.put(ctx, t, write{force: true})
}
