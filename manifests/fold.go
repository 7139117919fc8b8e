package manifests

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

// fold makes what kubectl's managers own ours, so that the next apply removes what Git does not name. It retries while
// others write the object.
func (c *Client) fold(ctx context.Context, t target, live *unstructured.Unstructured) error {
	return c.persist(ctx, t, live, func(live *unstructured.Unstructured) error {
		live, err := c.claim(ctx, t, live)
		if err != nil || live == nil {
			return c.refusal(t.id, err)
		}
		patch, err := fields.FoldPatch(live, fields.HomeVersion(live, t.object), c.serves(ctx, t))
		if err != nil || patch == nil {
			return wrap(t.id, err)
		}
		_, err = c.resource(t).Patch(about(ctx, t.id), t.id.Name, types.JSONPatchType, patch,
			metav1.PatchOptions{FieldManager: FieldManager})
		return c.refusal(t.id, err)
	})
}

// claim makes the API server write down who owns an object that has no managedFields: it does so at the first apply.
// This one asks for nothing but the object's identity.
func (c *Client) claim(ctx context.Context, t target, live *unstructured.Unstructured) (*unstructured.Unstructured,
	error) {
	if live == nil || len(live.GetManagedFields()) > 0 {
		return live, nil
	}
	bare := bareObject(t.object.GroupVersionKind(), t.id)
	return c.put(ctx, target{id: t.id, object: bare, mapping: t.mapping}, write{})
}

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
