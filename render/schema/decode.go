package schema

import (
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// What a schema has, as bits in front of it. Whoever adds one writes builtin.bin anew.
const (
	hasDescription = 1 << iota
	hasType
	hasFormat
	hasRef
	hasItems
	hasAdditional
	hasProperties
	hasRequired
	hasExtensions
)

// described stands for every description: kustomize only looks whether there is one.
const described = "-"

// What an extension's value is.
const (
	isText = iota
	isList
	isMap
)

// decoder reads builtin.bin: all words, a line each, and then numbers. A word is its number among them, a list its
// length and what is in it, a schema its bits and what these say.
type decoder struct {
	words []string
	rest  string
	types map[int]spec.StringOrArray // of one word, which all schemas share
	refs  map[int]spec.Ref
}

// decode reads what encode wrote. It is for this package's own data only: what is wrong with that panics.
func decode(data string) spec.Definitions {
	all, rest, _ := strings.Cut(data, "\x00")
	d := &decoder{words: strings.Split(all, "\n"), rest: rest,
		types: map[int]spec.StringOrArray{}, refs: map[int]spec.Ref{}}
	return d.schemas()
}

// number reads a number of seven bits a byte, the least first.
func (d *decoder) number() (n int) {
	for shift := 0; ; shift += 7 {
		b := d.rest[0]
		d.rest = d.rest[1:]
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (d *decoder) word() string { return d.words[d.number()] }

func (d *decoder) list() []string {
	all := make([]string, d.number())
	for i := range all {
		all[i] = d.word()
	}
	return all
}

func (d *decoder) schemas() map[string]spec.Schema {
	n := d.number()
	all := make(map[string]spec.Schema, n)
	for range n {
		name := d.word()
		all[name] = d.schema()
	}
	return all
}

func (d *decoder) schema() (s spec.Schema) {
	has := d.number()
	if has&hasDescription != 0 {
		s.Description = described
	}
	if has&hasType != 0 {
		s.Type = d.typed()
	}
	if has&hasFormat != 0 {
		s.Format = d.word()
	}
	if has&hasRef != 0 {
		s.Ref = d.ref()
	}
	if has&hasItems != 0 {
		items := d.schema()
		s.Items = &spec.SchemaOrArray{Schema: &items}
	}
	if has&hasAdditional != 0 {
		values := d.schema()
		s.AdditionalProperties = &spec.SchemaOrBool{Allows: true, Schema: &values}
	}
	if has&hasProperties != 0 {
		s.Properties = d.schemas()
	}
	if has&hasRequired != 0 {
		s.Required = d.list()
	}
	if has&hasExtensions != 0 {
		s.Extensions = spec.Extensions(d.fields())
	}
	return s
}

// typed reads the type of a schema, of which each has one.
func (d *decoder) typed() spec.StringOrArray {
	n := d.number()
	if d.types[n] == nil {
		d.types[n] = spec.StringOrArray{d.words[n]}
	}
	return d.types[n]
}

func (d *decoder) ref() spec.Ref {
	n := d.number()
	r, ok := d.refs[n]
	if !ok {
		r = spec.MustCreateRef(d.words[n])
		d.refs[n] = r
	}
	return r
}

// value reads what an extension says.
func (d *decoder) value() any {
	switch d.number() {
	case isText:
		return d.word()
	case isList:
		all := make([]any, d.number())
		for i := range all {
			all[i] = d.value()
		}
		return all
	}
	return d.fields()
}

func (d *decoder) fields() map[string]any {
	n := d.number()
	all := make(map[string]any, n)
	for range n {
		name := d.word()
		all[name] = d.value()
	}
	return all
}
