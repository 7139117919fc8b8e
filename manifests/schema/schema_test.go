package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/schema"
)

// definition has a field for each thing that a schema can say.
const definition = `
spec:
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-validations:
        - {rule: size(self.metadata.name) <= 3, message: has a long name}
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object}
          text: {type: string, minLength: 2, maxLength: 4, pattern: "^[a-zé]*$"}
          one: {type: string, enum: [A, B]}
          count: {type: integer, minimum: 1, maximum: 5}
          truth: {type: boolean}
          any: {x-kubernetes-int-or-string: true}
          list: {type: array, minItems: 1, maxItems: 2, items: {type: string, enum: [x]}}
          map: {type: object, additionalProperties: {type: string, maxLength: 1}}
          length:
            type: string
            x-kubernetes-validations:
            - {rule: "self.matches('^[0-9]+[sm]$') && duration(self) >= duration('1s') && duration(self) < duration('1h')", message: a length}
          pair:
            type: object
            required: [left]
            properties:
              left: {type: string}
              right: {type: string}
              more: {type: array, items: {type: string}}
            x-kubernetes-validations:
            - {rule: "!has(self.right) || self.right in ['None', 'it\\'s'] || has(self.more)", message: needs more, fieldPath: .more}
            - {rule: "!self.left.contains('\\\\') && (self.left != 'no' || self.left.startsWith('y'))", message: left is bad}
            - {rule: "self.more.all(m, m == 'x')", message: what is not understood}
            - {rule: "size(self.more) > 2 || true", message: what cannot be had is passed over}
            - {rule: "self.left == 'bad' ? false : true", message: what is not understood either}
`

// Each kind of mistake is named with its field, one by one, and what is right or not understood is taken.
func TestWhatTheDefinitionSaysIsChecked(t *testing.T) {
	t.Parallel()
	var crd unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(definition), &crd.Object); err != nil {
		t.Fatal(err)
	}
	for fields, want := range map[string]string{
		`"text": "ab"`:                           "",
		`"text": "éééé"`:                         "",
		`"text": "a"`:                            "text: must have at least 2 characters",
		`"text": "abcde"`:                        "text: must have at most 4 characters",
		`"text": "AB"`:                           "text: must match ^[a-zé]*$",
		`"text": 5`:                              "text: must be of type string, and is a number",
		`"text": true`:                           "text: must be of type string, and is a truth value",
		`"text": {}`:                             "text: must be of type string, and is an object",
		`"text": []`:                             "text: must be of type string, and is a list",
		`"one": "B", "count": 5, "truth": false`: "",
		`"one": "C"`:                             "one: must be one of A, B",
		`"one": "C", "count": 0`:                 "count: must be at least 1\none: must be one of A, B",
		`"count": 6`:                             "count: must be at most 5",
		`"count": "6"`:                           "count: must be of type integer, and is a string",
		`"any": 5`:                               "",
		`"any": "5%"`:                            "",
		`"list": ["x"]`:                          "",
		`"list": []`:                             "list: must have at least 1 entries",
		`"list": ["x", "y", "x"]`:                "list: must have at most 2 entries\nlist[1]: must be one of x",
		`"map": {"a": "b", "c": "de"}`:           "map[c]: must have at most 1 characters",
		`"lst": []`:                              "lst: is no field",
		`"metadata": {"name": "abcd"}`:           "the whole: has a long name",
		`"length": "59m"`:                        "",
		`"length": "60m"`:                        "length: a length",
		`"length": "0s"`:                         "length: a length",
		`"length": "soon"`:                       "length: a length",
		`"pair": {}`:                             "pair.left: is required",
		`"pair": {"left": "a", "right": "None"}`: "",
		`"pair": {"left": "a", "right": "it's"}`: "",
		`"pair": {"left": "a", "right": "b"}`:    "pair.more: needs more",
		`"pair": {"left": "a", "right": "b", "more": []}`: "",
		`"pair": {"left": "a\\"}`:                         "pair: left is bad",
		`"pair": {"left": "no"}`:                          "pair: left is bad",
		`"pair": {"left": "bad"}`:                         "",
	} {
		object := &unstructured.Unstructured{}
		text := `{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "abc"}, ` + fields + `}`
		if err := json.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := ""
		if err := schema.Check(&crd, object); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", fields, got, want)
		}
	}
	other := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v2", "kind": "Thing"}}
	if err := schema.Check(&crd, other); err == nil || !strings.Contains(err.Error(), "no such version") {
		t.Errorf("another version: %v", err)
	}
}
