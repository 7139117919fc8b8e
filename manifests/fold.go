package manifests

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

// fold makes what kubectl's managers own ours, so that the next apply removes what Git does not name.
func (c *Client) fold(ctx context.Context, t *target) error {
	if err := c.claim(ctx, t); err != nil {
		return c.refusal(t.id, err)
	}
	patch, err := fields.FoldPatch(t.live, fields.HomeVersion(t.live, t.object), c.serves(ctx, *t))
	if err != nil || patch == nil {
		return wrap(t.id, err)
	}
	folded, err := c.resource(*t).Patch(about(ctx, t.id), t.id.Name, types.JSONPatchType, patch,
		metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return c.refusal(t.id, err)
	}
	t.live = folded
	return nil
}

// claim makes the API server write down who owns an object that has no managedFields: it does so at the first apply.
// This one asks for nothing but the object's identity.
func (c *Client) claim(ctx context.Context, t *target) error {
	if len(t.live.GetManagedFields()) > 0 {
		return nil
	}
	bare := *t
	bare.object = bareObject(t.object.GroupVersionKind(), t.id)
	claimed, err := c.put(ctx, bare, false)
	if err == nil {
		t.live = claimed
	}
	return err
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
