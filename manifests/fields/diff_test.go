package fields

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The comparison by itself: items of lists are matched by name, and a mere change of order is a change.
func TestDifferences(t *testing.T) {
	live := parsed(t, `{spec: {list: [{name: a, v: 1}, {name: b}], plain: [1, 2], gone: x}, metadata: {resourceVersion: "1"}, status: {x: 1}}`)
	want := parsed(t, `{spec: {list: [{name: b}, {name: a, v: 2}, {name: c}], plain: [1, 3, 4]}, metadata: {resourceVersion: "2"}}`)
	var got []string
	for _, d := range Differences(live, want) {
		got = append(got, d.Path)
	}
	if want := []string{"spec.gone", "spec.list[name=a].v", "spec.list[name=c]", "spec.plain[1]",
		"spec.plain[2]"}; !slices.Equal(got, want) {
		t.Errorf("got %v want %v", got, want)
	}
	turned := Differences(parsed(t, `{l: [{name: a}, {name: b}]}`), parsed(t, `{l: [{name: b}, {name: a}]}`))
	if len(turned) != 1 || turned[0].Path != "l (order)" {
		t.Errorf("turned list: %v", turned)
	}
}

// parsed is an object of a YAML document.
func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}
