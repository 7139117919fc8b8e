package fields

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// takeover begins the names of the managers that hold, for as long as an apply takes, what kubectl owned in other API
// versions than ours is in. An entry of fields is of one version, and only the API server knows what a field is called
// in another: so the rest of what such a manager holds is removed by an apply of its own, in its version, after ours.
const takeover = "daemongate-takeover-"

// IsTakeover reports whether a manager is one of these.
func IsTakeover(manager string) bool { return strings.HasPrefix(manager, takeover) }

// handOver gives kubectl's entries, if some are of other versions than home, to managers that can be made to let go of
// them: one for each version. A version that is no longer served is taken for home's: most fields have kept their
// names.
func handOver(entries []metav1.ManagedFieldsEntry, home string, served func(version string) (bool,
	error)) ([]metav1.ManagedFieldsEntry, error) {
	entries, foreign, err := inServedVersions(entries, home, served)
	if err != nil || !foreign {
		return entries, err
	}
	var out []metav1.ManagedFieldsEntry
	at := map[string]int{} // where each version's manager stands in out
	for _, e := range entries {
		if e.FieldsV1 == nil || !kubectlEntry(e) && !IsTakeover(e.Manager) {
			out = append(out, e)
			continue
		}
		e.Manager = TakeoverManager(e.APIVersion)
		e.Operation, e.Subresource = metav1.ManagedFieldsOperationApply, ""
		if i, found := at[e.Manager]; found {
			if err := Unite(&out[i], e); err != nil {
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
func inServedVersions(entries []metav1.ManagedFieldsEntry, home string, served func(version string) (bool,
	error)) (out []metav1.ManagedFieldsEntry, foreign bool, err error) {
	out = slices.Clone(entries)
	for i, e := range out {
		if !IsKubectl(e.Manager) || e.APIVersion == home {
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

// Unite adds to an entry of managedFields the fields of another one of the same version.
func Unite(to *metav1.ManagedFieldsEntry, other metav1.ManagedFieldsEntry) error {
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

// TakeoverVersions are the versions of an object's takeover managers, home at last.
func TakeoverVersions(o *unstructured.Unstructured, home string) []string {
	var foreign, own []string
	for _, e := range o.GetManagedFields() {
		switch {
		case !IsTakeover(e.Manager):
		case e.APIVersion == home:
			own = append(own, e.APIVersion)
		default:
			foreign = append(foreign, e.APIVersion)
		}
	}
	return append(foreign, own...)
}

// TakeoverManager is the one that holds what kubectl owned in an API version.
func TakeoverManager(version string) string { return takeover + strings.ReplaceAll(version, "/", "-") }
