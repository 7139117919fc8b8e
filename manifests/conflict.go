package manifests

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// tries is how often an object is looked at and written, or deleted as it was looked at, while others keep writing it:
// as a DaemonSet's controller does several times a second while its pods come up.
const tries = 7

// persist makes an attempt on a live object, and another on what has become of it, after a pause that doubles from 10
// ms, for as long as others' writes come between. An object that is gone by then is left to be gone.
func (c *Client) persist(ctx context.Context, t target, live *unstructured.Unstructured,
	attempt func(live *unstructured.Unstructured) error) error {
	for try := range tries {
		err := attempt(live)
		if !apierrors.IsConflict(err) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond << try):
		}
		if live, err = c.read(ctx, t); err != nil || live == nil {
			return err
		}
	}
	return &unready{t.id, "others keep writing it"}
}
