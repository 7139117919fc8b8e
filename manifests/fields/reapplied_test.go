package fields

import "testing"

// An object counts as applied by another Daemongate if our apply is newer, or has other values; not if somebody only
// took from us what we had, be it all of it.
func TestReapplied(t *testing.T) {
	const before = `{metadata: {uid: a, labels: {l: x}, managedFields: [{manager: daemongate, operation: Apply, time: "2026-01-01T00:00:00Z",
  fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {"f:l": {}}}}}]}}`
	for name, c := range map[string]struct {
		now  string
		want bool
	}{
		"the same":     {before, false},
		"gone":         {``, false},
		"later":        {`{metadata: {uid: a, labels: {l: x}, managedFields: [{manager: daemongate, operation: Apply, time: "2026-01-01T00:00:01Z"}]}}`, true},
		"other values": {`{metadata: {uid: a, labels: {l: y}, managedFields: [{manager: daemongate, operation: Apply, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {"f:l": {}}}}}]}}`, true},
		"all taken":    {`{metadata: {uid: a, labels: {l: y}, managedFields: [{manager: others, operation: Update, time: "2026-01-01T00:00:01Z"}]}}`, false},
		"anew, ours":   {`{metadata: {uid: b, managedFields: [{manager: daemongate, operation: Apply}]}}`, true},
		"anew, theirs": {`{metadata: {uid: b}}`, false},
	} {
		now := parsed(t, c.now)
		if c.now == "" {
			now = nil
		}
		if got := Reapplied(parsed(t, before), now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
