package trim

import (
	"bytes"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Lease keeps of a node's Lease when it was renewed by the node's clock, and when it was written by the API server's.
// What else its writers have written is left out, which is most of it.
func Lease(l *coordinationv1.Lease) *coordinationv1.Lease {
	kept := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: l.Name, Namespace: intern(l.Namespace),
		CreationTimestamp: l.CreationTimestamp}}
	if l.Spec.RenewTime != nil {
		renewed := *l.Spec.RenewTime
		kept.Spec.RenewTime = &renewed
	}
	for i := range l.ManagedFields {
		if e := &l.ManagedFields[i]; e.Time != nil {
			at := *e.Time
			kept.ManagedFields = append(kept.ManagedFields, metav1.ManagedFieldsEntry{Time: &at,
				FieldsV1: fieldsOfLease(e.FieldsV1)})
		}
	}
	return kept
}

// renewals are the fields of a write that has renewed a Lease, and others those of one that has not. All Leases share
// them.
var renewals, others = fieldsV1(`{"f:spec":{"f:renewTime":{}}}`), fieldsV1(`{}`)

// fieldsOfLease says of a write which of the two it was; nil if that is not known.
func fieldsOfLease(fields *metav1.FieldsV1) *metav1.FieldsV1 {
	switch {
	case fields == nil:
		return nil
	case bytes.Contains(fields.GetRawBytes(), []byte(`"f:renewTime"`)):
		return renewals
	}
	return others
}

func fieldsV1(raw string) *metav1.FieldsV1 {
	var fields metav1.FieldsV1
	fields.SetRawString(raw)
	return &fields
}
