package fields

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Reapplied reports whether somebody has applied an object under our name since it was looked at: nil is what was not
// there. Others can change our fields only by taking them from us. The time of our last apply alone does not tell, for
// it is in whole seconds.
func Reapplied(before, now *unstructured.Unstructured) bool {
	switch {
	case now == nil:
		return false
	case before == nil || before.GetUID() != now.GetUID():
		return IsOurs(now)
	case appliedAt(now) == nil:
		return false // all that was ours has been taken from us
	case !appliedAt(before).Equal(appliedAt(now)):
		return true
	}
	ours, changed := managedBy(now, OurManager), false
	ours.Leaves().Iterate(func(p fieldpath.Path) {
		was, _ := fieldAt(before.Object, p)
		is, _ := fieldAt(now.Object, p)
		changed = changed || !reflect.DeepEqual(was, is)
	})
	return changed
}

// appliedAt is when an object was last applied by us, nil if never.
func appliedAt(o *unstructured.Unstructured) *metav1.Time {
	for _, e := range o.GetManagedFields() {
		if e.Manager == OurManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return e.Time
		}
	}
	return nil
}
