package schema

import (
	"flag"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write builtin.bin anew, from the schema that kustomize is built with")

// The schema is kustomize's own, but for the words of descriptions: so is the schema and the scope of each kind.
func TestItIsKustomizesOwn(t *testing.T) {
	t.Cleanup(openapi.ResetOpenAPI)
	openapi.ResetOpenAPI()
	want := *openapi.Schema()
	want.Definitions = withoutWords(want.Definitions)
	kinds := kindsOf(want.Definitions)
	if len(want.Definitions) < 600 || len(kinds) < 150 {
		t.Fatal(len(want.Definitions), len(kinds))
	}
	wantKinds := map[yaml.TypeMeta]told{}
	for _, kind := range kinds {
		wantKinds[kind] = tellOf(kind)
	}
	openapi.ResetOpenAPI()
	openapi.SuppressBuiltInSchemaUse()
	own := openapi.Schema().Definitions // of kustomize's own kinds, which it adds in any case
	if *update {
		others := maps.Clone(want.Definitions)
		maps.DeleteFunc(others, func(name string, _ spec.Schema) bool { _, is := own[name]; return is })
		builtin = encode(t, others)
		if err := os.WriteFile("builtin.bin", []byte(builtin), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	openapi.ResetOpenAPI()
	use()
	got := *openapi.Schema()
	got.Definitions = withoutWords(got.Definitions)
	if !reflect.DeepEqual(got, want) {
		for name := range want.Definitions {
			if !reflect.DeepEqual(got.Definitions[name], want.Definitions[name]) {
				t.Logf("%s is\n%#v\nand not\n%#v", name, got.Definitions[name], want.Definitions[name])
			}
		}
		t.Fatal("the schema is not the one that kustomize has now: run go test ./render/schema -update")
	}
	for _, kind := range kinds {
		if got := tellOf(kind); !reflect.DeepEqual(got, wantKinds[kind]) {
			t.Errorf("%v: %v, and not %v", kind, got, wantKinds[kind])
		}
	}
}

// The schema, as it is read here, against what kustomize does in its place.
func BenchmarkUse(b *testing.B) {
	b.Cleanup(openapi.ResetOpenAPI)
	var ours, theirs time.Duration
	for b.Loop() {
		ours += took(use)
		theirs += took(func() { openapi.Schema() })
	}
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "times-kustomizes-own")
}

func took(do func()) time.Duration {
	openapi.ResetOpenAPI()
	runtime.GC()
	began := time.Now()
	do()
	return time.Since(began)
}

// told is what kustomize says of a kind.
type told struct {
	schema        *spec.Schema
	scoped, known bool
}

func tellOf(kind yaml.TypeMeta) (k told) {
	if found := openapi.SchemaForResourceType(kind); found != nil {
		s := withoutWords(spec.Definitions{"": *found.Schema})[""]
		k.schema = &s
	}
	k.scoped, k.known = openapi.IsNamespaceScoped(kind)
	return k
}

// kindsOf are the kinds that have a definition, and one that has none.
func kindsOf(all spec.Definitions) []yaml.TypeMeta {
	kinds := []yaml.TypeMeta{{APIVersion: "example.com/v1", Kind: "Other"}}
	for _, s := range all {
		named, _ := s.Extensions["x-kubernetes-group-version-kind"].([]any)
		for _, one := range named {
			m := one.(map[string]any)
			kind := yaml.TypeMeta{APIVersion: m["version"].(string), Kind: m["kind"].(string)}
			if group, _ := m["group"].(string); group != "" {
				kind.APIVersion = group + "/" + kind.APIVersion
			}
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// withoutWords is a copy in which each description is the same word.
func withoutWords(all map[string]spec.Schema) map[string]spec.Schema {
	if all == nil {
		return nil
	}
	copies := make(map[string]spec.Schema, len(all))
	for name, s := range all {
		copies[name] = plain(s)
	}
	return copies
}

func plain(s spec.Schema) spec.Schema {
	if s.Description != "" {
		s.Description = described
	}
	s.Properties = withoutWords(s.Properties)
	if s.Items != nil && s.Items.Schema != nil {
		items := plain(*s.Items.Schema)
		s.Items = &spec.SchemaOrArray{Schema: &items, Schemas: s.Items.Schemas}
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		values := plain(*s.AdditionalProperties.Schema)
		s.AdditionalProperties = &spec.SchemaOrBool{Allows: s.AdditionalProperties.Allows, Schema: &values}
	}
	return s
}

// encoder writes what a decoder reads. What else a schema may have is not written: the test finds it missing.
type encoder struct {
	t     *testing.T
	words []string
	known map[string]int
	out   []byte
}

func encode(t *testing.T, all spec.Definitions) string {
	e := &encoder{t: t, known: map[string]int{}}
	e.schemas(all)
	return strings.Join(e.words, "\n") + "\x00" + string(e.out)
}

func (e *encoder) number(n int) {
	for ; n >= 0x80; n >>= 7 {
		e.out = append(e.out, byte(n)|0x80)
	}
	e.out = append(e.out, byte(n))
}

func (e *encoder) word(word string) {
	if strings.ContainsAny(word, "\n\x00") {
		e.t.Fatalf("a word with a line's end: %q", word)
	}
	n, ok := e.known[word]
	if !ok {
		n = len(e.words)
		e.known[word] = n
		e.words = append(e.words, word)
	}
	e.number(n)
}

func (e *encoder) schemas(all map[string]spec.Schema) {
	e.number(len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e.word(name)
		e.schema(all[name])
	}
}

func (e *encoder) schema(s spec.Schema) {
	has := 0
	for _, one := range []struct {
		bit int
		is  bool
	}{
		{hasDescription, s.Description != ""}, {hasType, len(s.Type) > 0}, {hasFormat, s.Format != ""},
		{hasRef, s.Ref.String() != ""}, {hasItems, s.Items != nil}, {hasAdditional, s.AdditionalProperties != nil},
		{hasProperties, s.Properties != nil}, {hasRequired, len(s.Required) > 0}, {hasExtensions, s.Extensions != nil},
	} {
		if one.is {
			has |= one.bit
		}
	}
	e.number(has)
	if len(s.Type) > 0 {
		e.word(s.Type[0])
	}
	if s.Format != "" {
		e.word(s.Format)
	}
	if s.Ref.String() != "" {
		e.word(s.Ref.String())
	}
	if s.Items != nil {
		e.schema(*s.Items.Schema)
	}
	if s.AdditionalProperties != nil {
		e.schema(*s.AdditionalProperties.Schema)
	}
	if s.Properties != nil {
		e.schemas(s.Properties)
	}
	if len(s.Required) > 0 {
		e.number(len(s.Required))
		for _, name := range s.Required {
			e.word(name)
		}
	}
	if s.Extensions != nil {
		e.fields(s.Extensions)
	}
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case string:
		e.number(isText)
		e.word(v)
	case []any:
		e.number(isList)
		e.number(len(v))
		for _, one := range v {
			e.value(one)
		}
	case map[string]any:
		e.number(isMap)
		e.fields(v)
	default:
		e.t.Fatalf("an extension with a %T", v)
	}
}

func (e *encoder) fields(all map[string]any) {
	e.number(len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e.word(name)
		e.value(all[name])
	}
}
