package fact

import (
	"bytes"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClockOfLease compares what a node wrote into its Lease by its own clock with when the API server took it, by its own,
// in the same write: managedFields say so. Unlike the age of a Lease it tells both directions, however old the Lease
// is.
func ClockOfLease(l *coordinationv1.Lease) (ahead time.Duration, told bool) {
	if l.Spec.RenewTime == nil {
		return 0, false
	}
	return aheadOf(l.Spec.RenewTime.Time, l.ManagedFields, `"f:renewTime"`)
}

// ClockOfNode does the same with the heartbeat in a node's status, which comes every five minutes, or at a change.
func ClockOfNode(n *corev1.Node) (ahead time.Duration, told bool) {
	for i := range n.Status.Conditions {
		if c := &n.Status.Conditions[i]; c.Type == corev1.NodeReady && !c.LastHeartbeatTime.IsZero() {
			return aheadOf(c.LastHeartbeatTime.Time, n.ManagedFields, `k:{\"type\":\"Ready\"}`)
		}
	}
	return 0, false
}

// aheadOf is how far a time that a node wrote is later than the API server's time of the last write of that field.
func aheadOf(written time.Time, managed []metav1.ManagedFieldsEntry, field string) (ahead time.Duration, told bool) {
	var taken time.Time
	for i := range managed {
		e := &managed[i]
		if e.Time != nil && (e.FieldsV1 == nil || bytes.Contains(e.FieldsV1.GetRawBytes(), []byte(field))) {
			taken = Latest(taken, e.Time.Time)
		}
	}
	if taken.IsZero() {
		return 0, false
	}
	return written.Sub(taken) - time.Second/2, true // half a second is what whole ones lose, by and large
}
