package manifests

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A sum of states is another one after every write that is not a status's; of what is gone or not known there is none.
func TestASumTellsWhetherAnObjectWasWritten(t *testing.T) {
	at := metav1.NewTime(time.Unix(1700000000, 0))
	written := func(change func(*metav1.ObjectMeta)) Version {
		o := metav1.ObjectMeta{Name: "a", UID: "u", ResourceVersion: "7", ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: FieldManager, Operation: metav1.ManagedFieldsOperationApply, Time: &at}}}
		change(&o)
		return VersionOf(&o)
	}
	inv := Inventory{{ID: ID{Kind: "ConfigMap", Name: "a"}}}
	sum := func(change func(*metav1.ObjectMeta)) string { return Known{inv[0].ID: written(change)}.Sum(inv) }
	counted := func(o *metav1.ObjectMeta) { o.Generation = 3 }
	plain := func(*metav1.ObjectMeta) {}
	for _, c := range []struct {
		what          string
		before, after func(*metav1.ObjectMeta)
		same          bool
	}{
		{"nothing", plain, plain, true},
		{"a write that leaves no trace but its number", plain, func(o *metav1.ObjectMeta) { o.ResourceVersion = "8" }, false},
		{"made anew", plain, func(o *metav1.ObjectMeta) { o.UID = "v" }, false},
		{"a label", plain, func(o *metav1.ObjectMeta) { o.Labels = map[string]string{"a": "b"} }, false},
		{"a status of what counts generations", counted, func(o *metav1.ObjectMeta) {
			counted(o)
			o.ResourceVersion = "8"
		}, true},
		{"another generation", counted, func(o *metav1.ObjectMeta) { o.Generation = 4 }, false},
	} {
		if same := sum(c.before) == sum(c.after); same != c.same || sum(c.after) == "" {
			t.Errorf("%s: the same sum: %t", c.what, same)
		}
	}
	if (Known{}).Sum(inv) != "" || (Known{inv[0].ID: {gone: true, uid: uidOf("u")}}).Sum(inv) != "" {
		t.Error("there is a sum of what is not there")
	}
}
