package fields

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// looked is an object with a value, in which we hold some fields since a second.
func looked(t *testing.T, uid, value, ours, second string) *unstructured.Unstructured {
	t.Helper()
	text := `{"metadata": {"uid": "` + uid + `", "managedFields": [
		{"manager": "others", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}`
	if ours != "" {
		text += `, {"manager": "daemongate", "operation": "Apply", "time": "2026-03-01T12:00:` + second + `Z", "fieldsV1": ` + ours + `}`
	}
	text += `]}, "data": {"a": "` + value + `", "b": "theirs"}}`
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// What another Daemongate has applied since a look is told from what anybody else has done, also when it came within the
// same second as the apply before.
func TestWhoAppliedSinceALook(t *testing.T) {
	const held = `{"f:data": {"f:a": {}}}`
	look := looked(t, "1", "v1", held, "00")
	status := looked(t, "1", "v1", held, "00")
	status.SetResourceVersion("7")
	status.SetManagedFields(append(status.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: "controller",
		Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status"}))
	for name, c := range map[string]struct {
		before, now *unstructured.Unstructured
		want        bool
	}{
		"a status":                             {look, status, false},
		"a later apply":                        {look, looked(t, "1", "v2", held, "05"), true},
		"a later apply of the same":            {look, looked(t, "1", "v1", held, "05"), true},
		"an apply within the second":           {look, looked(t, "1", "v2", held, "00"), true},
		"a field that was taken from us":       {look, looked(t, "1", "v2", "{}", "00"), false},
		"it is gone":                           {look, nil, false},
		"all that was ours was taken":          {look, looked(t, "1", "v2", "", ""), false},
		"we made it":                           {nil, looked(t, "1", "v1", held, "00"), true},
		"somebody else made it":                {nil, looked(t, "1", "v1", "", ""), false},
		"we made it anew":                      {look, looked(t, "2", "v1", held, "00"), true},
		"somebody else made it anew":           {look, looked(t, "2", "v1", "", ""), false},
		"it is not ours, and was not":          {looked(t, "1", "v1", "", ""), looked(t, "1", "v2", "", ""), false},
		"the first apply of what was not ours": {looked(t, "1", "v1", "", ""), looked(t, "1", "v1", held, "00"), true},
		"it never was, and nobody has made it": {nil, nil, false},
	} {
		if got := Reapplied(c.before, c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
