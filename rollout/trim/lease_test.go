package trim_test

import (
	"fmt"
	"math/rand"
	"reflect"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/trim"
)

// Of a Lease is kept what tells that its node is alive, and how the node's clock goes, whoever has written it, and
// nothing else; what was given is left as it is.
func TestOfALeaseIsKeptWhatTellsOfItsNode(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", seed), UID: "uid"}}
		if holder, at := "kubelet", metav1.NewMicroTime(noon.Add(time.Duration(r.Intn(100))*time.Second)); r.Intn(4) > 0 {
			l.Spec.RenewTime, l.Spec.HolderIdentity = &at, &holder
		}
		for range r.Intn(4) {
			e := metav1.ManagedFieldsEntry{Manager: "kubelet"}
			if at := metav1.NewTime(noon.Add(time.Duration(r.Intn(100)) * time.Second)); r.Intn(4) > 0 {
				e.Time = &at
			}
			if fields := (metav1.FieldsV1{}); r.Intn(4) > 0 {
				fields.SetRawString([]string{`{"f:spec":{"f:renewTime":{},"f:holderIdentity":{}}}`,
					`{"f:metadata":{"f:labels":{}}}`}[r.Intn(2)])
				e.FieldsV1 = &fields
			}
			l.ManagedFields = append(l.ManagedFields, e)
		}
		given := l.DeepCopy()
		kept := trim.Lease(l)
		if !reflect.DeepEqual(l, given) || kept.Name != l.Name || kept.UID != "" || kept.Spec.HolderIdentity != nil {
			t.Fatalf("seed %d: %+v of %+v", seed, kept, l)
		}
		ahead, told := fact.ClockOfLease(l)
		if keptAhead, keptTold := fact.ClockOfLease(kept); ahead != keptAhead || told != keptTold || lastOf(l) != lastOf(kept) {
			t.Errorf("seed %d: %s ahead, %v, of %+v; want %s, %v", seed, keptAhead, keptTold, l, ahead, told)
		}
	}
}

// lastOf is when a Lease was renewed, by which clock ever, and when it was written.
func lastOf(l *coordinationv1.Lease) (times [2]time.Time) {
	if l.Spec.RenewTime != nil {
		times[0] = l.Spec.RenewTime.Time
	}
	for _, e := range l.ManagedFields {
		if e.Time != nil {
			times[1] = fact.Latest(times[1], e.Time.Time)
		}
	}
	return times
}
