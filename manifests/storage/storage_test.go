package storage

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// What is to be done is read from the definition: the version that is stored, those in which something may be stored
// still, and whether a field is called the same in all of them.
func TestAPlanIsReadFromTheDefinition(t *testing.T) { //nolint:gocyclo // one rule after the other of one result
	const two = `
metadata: {name: things.example.com, generation: 7, resourceVersion: "12"}
spec:
  group: example.com
  names: {plural: things, kind: Thing}
  versions: [{name: v1alpha1, served: SERVED}, {name: v1, served: true, storage: true}]
  conversion: {strategy: STRATEGY}
status: {storedVersions: [v1alpha1, v1]}`
	of := func(replace ...string) (plan, error) {
		return planOf(parsed(t, strings.NewReplacer(replace...).Replace(two)))
	}
	p, err := of("SERVED", "true", "STRATEGY", "None")
	if err != nil || p.version != "v1" || !slices.Equal(p.older, []string{"v1alpha1"}) ||
		!slices.Equal(p.readable, p.older) || !p.sameFields || p.apiVersion() != "example.com/v1" || p.generation != 7 ||
		p.resourceVersion != "12" || p.in("v1").String() != "example.com/v1, Resource=things" {
		t.Errorf("two versions: %+v, %v", p, err)
	}
	if p, err = of("SERVED", "false", "STRATEGY", "Webhook"); err != nil || len(p.readable) > 0 || p.sameFields {
		t.Errorf("a webhook, and a version that is not served: %+v, %v", p, err)
	}
	if _, err = of("SERVED", "true", "served: true, storage: true", "served: false, storage: true"); err == nil ||
		!strings.Contains(err.Error(), "serve it first") {
		t.Errorf("the version that is stored is not served: %v", err)
	}
	if _, err = of("SERVED", "true", "storage: true", "storage: false"); err == nil {
		t.Error("no version is stored, and that is no error")
	}
}

// A manager that wrote in both versions has one entry afterwards, with the fields of both; others keep theirs.
func TestManagersOfTwoVersionsBecomeOne(t *testing.T) {
	entry := func(manager, subresource, version, fields string) metav1.ManagedFieldsEntry {
		of := &metav1.FieldsV1{}
		of.SetRawBytes([]byte(fields))
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: "Update", Subresource: subresource,
			APIVersion: "example.com/" + version, FieldsType: "FieldsV1", FieldsV1: of}
	}
	got, err := managedIn([]metav1.ManagedFieldsEntry{
		entry("a", "", "v1alpha1", `{"f:spec":{"f:one":{}}}`),
		entry("a", "status", "v1alpha1", `{"f:status":{"f:x":{}}}`),
		entry("b", "", "v1", `{"f:spec":{"f:three":{}}}`),
		entry("a", "", "v1", `{"f:spec":{"f:two":{}}}`),
	}, "example.com/v1")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range got {
		text, err := json.Marshal(e.FieldsV1)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Manager+" "+e.Subresource+" "+e.APIVersion+" "+string(text))
	}
	want := []string{
		`a  example.com/v1 {"f:spec":{"f:one":{},"f:two":{}}}`,
		`a status example.com/v1 {"f:status":{"f:x":{}}}`,
		`b  example.com/v1 {"f:spec":{"f:three":{}}}`,
	}
	if !slices.Equal(all, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
}

// Fields that the stored version does not know are named by their paths, in lists too; what it adds is no loss.
func TestLostFieldsAreNamed(t *testing.T) {
	shown := parsed(t, `
apiVersion: example.com/v1alpha1
metadata: {name: a, labels: {x: y}}
spec: {kept: 1, gone: true, list: [{a: 1, b: 2}, {a: 3}], deep: {gone: {x: 1}}}
status: {ok: true}`)
	other := parsed(t, `
apiVersion: example.com/v1
metadata: {name: a}
spec: {kept: 1, more: 2, list: [{a: 1}], deep: {}}`)
	got := missing(shown.Object, other.Object)
	want := []string{".spec.deep.gone", ".spec.gone", ".spec.list[0].b", ".spec.list[1]", ".status"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := missing(shown.Object, shown.Object); got != nil {
		t.Errorf("of the same object %q are lost", got)
	}
}
