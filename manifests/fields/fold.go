package fields

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// FoldPatch is the JSON patch that folds kubectl's managers into ours, nil if there are none. csaupgrade folds entries
// of our API version, and would throw away those of others.
func FoldPatch(live *unstructured.Unstructured, home string, served func(version string) (bool,
	error)) ([]byte, error) {
	folded := live.DeepCopy()
	entries, err := handOver(live.GetManagedFields(), home, served)
	if err != nil {
		return nil, fmt.Errorf("field managers: %w", err)
	}
	entries, names := renamed(entries)
	folded.SetManagedFields(entries)
	if err := csaupgrade.UpgradeManagedFields(folded, names, OurManager); err != nil {
		return nil, fmt.Errorf("field managers: %w", err)
	}
	entries = folded.GetManagedFields()
	for i, e := range entries {
		if e.Manager != OurManager && !IsTakeover(e.Manager) || e.FieldsV1 == nil {
			continue
		}
		if err := disownRestart(&entries[i]); err != nil {
			return nil, fmt.Errorf("field managers: %w", err)
		}
	}
	if reflect.DeepEqual(entries, live.GetManagedFields()) {
		return nil, nil
	}
	return managedFieldsPatch(live, entries)
}

// managedFieldsPatch replaces who owns what, unless somebody writes the object meanwhile.
func managedFieldsPatch(live *unstructured.Unstructured, entries []metav1.ManagedFieldsEntry) ([]byte, error) {
	return json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
	})
}

// renamed gives each of kubectl's entries a name of its own and the form that csaupgrade folds (it takes one Update
// entry a name, of no subresource): kubectl's own server-side applies and `kubectl scale` are folded too.
func renamed(entries []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, sets.Set[string]) {
	names := sets.New[string]()
	var out []metav1.ManagedFieldsEntry
	for i, e := range entries {
		if kubectlEntry(e) {
			e.Manager = fmt.Sprintf("%s#%d", e.Manager, i)
			e.Operation = metav1.ManagedFieldsOperationUpdate
			e.Subresource = ""
			names.Insert(e.Manager)
		}
		out = append(out, e)
	}
	return out, names
}

// disownRestart takes the annotation of `kubectl rollout restart`, and the map it stands in, out of an entry: without
// an owner it stays, owned by us the next apply would remove it and restart every pod once more.
func disownRestart(e *metav1.ManagedFieldsEntry) error {
	fields, err := fieldSet(*e)
	if err != nil {
		return err
	}
	restarted := fieldpath.NewSet(
		fieldpath.MakePathOrDie("spec", "template", "metadata", "annotations"),
		fieldpath.MakePathOrDie("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"),
	)
	data, err := fields.Difference(restarted).ToJSON()
	if err != nil {
		return err
	}
	if !bytes.Equal(data, e.FieldsV1.GetRawBytes()) {
		e.FieldsV1.SetRawBytes(data)
	}
	return nil
}
