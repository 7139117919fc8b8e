package stop

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The switch is on while its ConfigMap is there, unless that says that it is off: also one that somebody made by hand, in
// a hurry. Since when, and by which field manager, the API server knows; who and why is what the client says.
func TestWhatTheSwitchSays(t *testing.T) {
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC)}
	}
	wrote := func(manager, fields string, minute int) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Time: at(minute), FieldsV1: metav1.NewFieldsV1(fields)}
	}
	turned := wrote("daemongate", `{"f:data":{"f:suspended":{},"f:by":{},"f:reason":{}}}`, 10)
	for name, c := range map[string]struct {
		data    map[string]string
		managed []metav1.ManagedFieldsEntry
		on      bool
		says    string
	}{
		"turned on": {map[string]string{"suspended": "true", "by": "ada", "reason": "incident\n4711 "},
			[]metav1.ManagedFieldsEntry{turned}, true, "all Syncs are suspended since 2026-03-01T12:10:00Z: who did so says to " +
				"be ada (field manager daemongate): incident 4711"},
		"turned off": {map[string]string{"suspended": "false", "by": "ada"}, []metav1.ManagedFieldsEntry{turned}, false,
			"the suspension of all Syncs was lifted at 2026-03-01T12:10:00Z: who did so says to be ada"},
		"labelled since by another": {map[string]string{"suspended": "true"}, []metav1.ManagedFieldsEntry{
			wrote("labeller", `{"f:metadata":{"f:labels":{"f:a":{}}}}`, 20), turned}, true,
			"since 2026-03-01T12:10:00Z: who did so does not say who that is (field manager daemongate)"},
		"edited since": {map[string]string{"suspended": "true"}, []metav1.ManagedFieldsEntry{turned,
			wrote("kubectl-edit", `{"f:data":{"f:suspended":{}}}`, 20)}, true, "12:20:00Z: who did so does not say who that is (field manager kubectl-edit)"},
		"made by hand":           {nil, []metav1.ManagedFieldsEntry{wrote("kubectl-create", `{}`, 5)}, true, "12:05:00Z"},
		"made without a record":  {nil, nil, true, "since 2026-03-01T12:01:00Z"},
		"misspelled is no False": {map[string]string{"suspended": "flase"}, nil, true, "all Syncs are suspended"},
	} {
		s := stateOf(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: *at(1), ManagedFields: c.managed},
			Data: c.data})
		if s.On != c.on || (s.Reason() == api.ReasonStoppedForAll) != c.on || (s.Obstacle() != "") != c.on ||
			!strings.Contains(s.Text(), c.says) {
			t.Errorf("%s: %q, %+v", name, s.Text(), s)
		}
	}
	if s := stateOf(nil); s.Reason() != "" || s.Text() != "" {
		t.Errorf("one that nobody has turned: %+v", s)
	}
	if s := (State{Unread: "forbidden"}); s.Reason() != api.ReasonStopUnread || !strings.Contains(s.Obstacle(), "forbidden") {
		t.Errorf("one that cannot be read: %+v", s)
	}
}
