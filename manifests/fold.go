package manifests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// beforeFirstApply is the manager to whom the API server ascribes everything that stood on an object without
// managedFields when it was first applied.
const beforeFirstApply = "before-first-apply"

// kubectlManagers are the field managers of kubectl's commands (kubectl v0.37) that mean to change what Git says.
// kubectl-rollout, which restarts and pauses, is not among them.
var kubectlManagers = sets.New(
	beforeFirstApply,
	"kubectl", // apply --server-side, rollout undo and scale
	"kubectl.exe",
	"kubectl-client-side-apply",
	"kubectl-last-applied",
	"kubectl-annotate",
	"kubectl-autoscale",
	"kubectl-create",
	"kubectl-edit",
	"kubectl-expose",
	"kubectl-label",
	"kubectl-patch",
	"kubectl-replace",
	"kubectl-run",
	"kubectl-set",
	"kubectl-taint",
)

// managersIn are the managers that a server-side apply conflict names.
func managersIn(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	var managers []string
	for _, cause := range fieldConflicts(status.Status()) {
		managers = append(managers, managerIn(cause.Message))
	}
	return managers
}

// holdersIn are the managers that a server-side apply conflict names, by the path of the field that each holds.
func holdersIn(err error) map[string]string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	holders := map[string]string{}
	for _, cause := range fieldConflicts(status.Status()) {
		path := strings.ReplaceAll(strings.TrimPrefix(cause.Field, "."), `"`, "")
		if holders[path] == "" {
			holders[path] = managerIn(cause.Message)
		}
	}
	return holders
}

func allKubectl(managers []string) bool {
	return !slices.ContainsFunc(managers, func(m string) bool { return !isKubectl(m) })
}

// isOurs reports whether the object was applied by us before.
func isOurs(live *unstructured.Unstructured) bool {
	for _, e := range live.GetManagedFields() {
		if e.Manager == FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return true
		}
	}
	return false
}

// fold makes what kubectl's managers own ours, so that the next apply removes what Git does not name. It retries while
// others write the object.
func (c *Client) fold(ctx context.Context, t target, live *unstructured.Unstructured) error {
	return c.persist(ctx, t, live, func(live *unstructured.Unstructured) error {
		live, err := c.claim(ctx, t, live)
		if err != nil || live == nil {
			return refusal(t.id, err)
		}
		patch, err := foldPatch(live, homeVersion(live, t.object), c.serves(ctx, t))
		if err != nil || patch == nil {
			return wrap(t.id, err)
		}
		_, err = c.resource(t).Patch(about(ctx, t.id), t.id.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
		return refusal(t.id, err)
	})
}

// claim makes the API server write down who owns an object that has no managedFields: it does so at the first apply.
// This one asks for nothing but the object's identity.
func (c *Client) claim(ctx context.Context, t target, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if live == nil || len(live.GetManagedFields()) > 0 {
		return live, nil
	}
	bare := bareObject(t.object.GroupVersionKind(), t.id)
	return c.put(ctx, target{id: t.id, object: bare, mapping: t.mapping}, write{})
}

// foldPatch is the JSON patch that folds kubectl's managers into ours, nil if there are none. csaupgrade folds entries of
// our API version, and would throw away those of others.
func foldPatch(live *unstructured.Unstructured, home string, served func(version string) (bool, error)) ([]byte, error) {
	folded := live.DeepCopy()
	entries, err := handOver(live.GetManagedFields(), home, served)
	if err != nil {
		return nil, fmt.Errorf("field managers: %w", err)
	}
	entries, names := renamed(entries)
	folded.SetManagedFields(entries)
	if err := csaupgrade.UpgradeManagedFields(folded, names, FieldManager); err != nil {
		return nil, fmt.Errorf("field managers: %w", err)
	}
	entries = folded.GetManagedFields()
	for i, e := range entries {
		if e.Manager != FieldManager && !strings.HasPrefix(e.Manager, takeover) || e.FieldsV1 == nil {
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

// renamed gives each of kubectl's entries a name of its own and the form that csaupgrade folds (it takes one Update entry
// a name, of no subresource): kubectl's own server-side applies and `kubectl scale` are folded too.
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

// disownRestart takes the annotation of `kubectl rollout restart`, and the map it stands in, out of an entry: without an
// owner it stays, owned by us the next apply would remove it and restart every pod once more.
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
