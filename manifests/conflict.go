package manifests

import (
	"context"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/fields"
)

// Every write is decided on a look, and the API server refuses it if the object is no longer so. A writer whose request
// is late, because it was paused or its network held the request, undoes nothing that others have done since.

const (
	// tries is how often an object is looked at and written, or deleted as it was looked at, while others keep writing
	// it: as a DaemonSet's controller does several times a second while its pods come up.
	tries = 10
	// longestPause is between two of them.
	longestPause = 200 * time.Millisecond
	// absent is a resourceVersion that no object has. An apply that carries it creates the object, or is refused
	// because there is one.
	absent = "1"
)

// errOvertaken says that the API server refused a write for what was not there at the look: it tells conflicts about
// fields before it looks at whether the object has changed.
var errOvertaken = errors.New("somebody has written it since it was looked at")

// sawAll reports whether these field managers were there when the target was looked at.
func (t target) sawAll(managers []string) bool {
	if t.live == nil {
		return false
	}
	entries := t.live.GetManagedFields()
	return len(entries) == 0 || !slices.ContainsFunc(managers, func(manager string) bool {
		return !slices.ContainsFunc(entries, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager })
	})
}

// over is the object as it is applied over what was looked at, nil if nothing was there.
func over(live, object *unstructured.Unstructured) *unstructured.Unstructured {
	o := object.DeepCopy()
	if live == nil {
		o.SetResourceVersion(absent)
		return o
	}
	o.SetUID(live.GetUID())
	o.SetResourceVersion(live.GetResourceVersion())
	return o
}

// overtaken reports whether a write was refused because the object is not as it was looked at. A conflict about fields
// is another matter.
func overtaken(err error) bool {
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errOvertaken):
		return true
	case !apierrors.IsConflict(err) || !errors.As(err, &status):
		return false
	}
	return len(fieldConflicts(status.Status())) == 0
}

// persist makes an attempt on what was looked at, and another on what has become of it, after a pause that doubles from
// 10 ms, for as long as others' writes come between. The attempt decides by the look anew, and finds none if the object
// is gone by then. What another Daemongate has applied since the look is left to whoever decided what to write.
func (c *Client) persist(ctx context.Context, t *target, attempt func() error) error {
	for try := range tries {
		err := attempt()
		if !overtaken(err) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(10*time.Millisecond<<try, longestPause)):
		}
		now, err := c.read(ctx, *t)
		if err != nil {
			return err
		}
		if fields.Reapplied(t.live, now) {
			return &unready{t.id, "another Daemongate has applied it since it was looked at"}
		}
		t.live = now
	}
	return &unready{t.id, "others keep writing it"}
}
