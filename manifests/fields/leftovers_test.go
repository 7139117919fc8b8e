package fields

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// However many fields are left over, and however they are called, what is said of them is bounded, and counts them all.
func TestLeftoversAreBounded(t *testing.T) {
	o := parsed(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: agent}}`)
	data := map[string]any{}
	entry := `{"f:data":{`
	for _, r := range "abcdefghijklmnop" {
		key := strings.Repeat(string(r), 300)
		data[key], entry = "hidden-value", entry+`"f:`+key+`":{},`
	}
	o.Object["data"] = data
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "tool", Operation: metav1.ManagedFieldsOperationUpdate,
		FieldsType: "FieldsV1",
		FieldsV1:   metav1.NewFieldsV1(strings.TrimSuffix(entry, ",") + "}}")}})
	left := leftoversOf(o, "tool", staying(o, "tool", nil))
	if left.Count != 16 || len(left.Fields) != mostLeftovers || strings.Contains(strings.Join(left.Fields, " "),
		"hidden-value") {
		t.Errorf("%+v", left)
	}
	for _, f := range left.Fields {
		if len([]rune(f)) > longestField+1 {
			t.Errorf("%d characters: %s", len([]rune(f)), f)
		}
	}
}
