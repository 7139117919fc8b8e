package summary

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A Sync tells once of every change that it is suspended, by its spec or with all others, and that it goes on; after a
// restart, which finds the same, it tells nothing. One that was suspended by its name is so again when all go on.
func TestEachSuspensionIsToldOnce(t *testing.T) {
	own, all := Suspension{BySpec: true}, Suspension{Reason: "StoppedForAll", Text: "all stand still"}
	both, none := all, Suspension{}
	both.BySpec = true
	s := api.SyncStatus{}
	for i, c := range []struct {
		by                 Suspension
		reason             string
		changed, suspended bool
	}{
		{none, "Active", false, false},
		{own, "Suspended", true, true},
		{own, "Suspended", false, false},
		{both, "StoppedForAll", true, true},
		{own, "Suspended", true, true},
		{none, "Active", true, false},
		{none, "Active", false, false},
		{all, "StoppedForAll", true, true},
		{none, "Active", true, false},
	} {
		before := *s.DeepCopy()
		Suspend(&s, c.by, time.Unix(int64(i), 0))
		suspended, words, changed := SuspensionNews(before, s)
		is := meta.FindStatusCondition(s.Conditions, api.ConditionSuspended)
		if changed != c.changed || suspended != c.suspended || is.Reason != c.reason ||
			changed && words != is.Message {
			t.Errorf("step %d: %t %t %q, %+v", i, changed, suspended, words, is)
		}
	}
	late := api.SyncStatus{}
	Suspend(&late, all, time.Unix(1, 0))
	if suspended, _, changed := SuspensionNews(api.SyncStatus{}, late); !changed || !suspended {
		t.Error("one that is made while all are suspended tells nothing")
	}
}
