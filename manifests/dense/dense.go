// Package dense has the strings of values that are kept for long lie in one piece of memory. What is decoded has an
// allocation for each of its strings, a few bytes between others that are soon garbage: the memory around them cannot
// be given back while they are kept. It is pure.
package dense

import (
	"reflect"
	"strings"
)

// Texts are strings that are to lie in one piece. Equal ones are the same there.
type Texts struct {
	at    map[string]int // where each begins
	size  int
	order []string
	into  []*string
}

// Add has a string be among them, whose variable is set by Lay.
func (t *Texts) Add(texts ...*string) {
	for _, s := range texts {
		if *s == "" {
			continue
		}
		t.into = append(t.into, s)
		if _, is := t.at[*s]; is {
			continue
		}
		if t.at == nil {
			t.at = map[string]int{}
		}
		t.at[*s] = t.size
		t.size += len(*s)
		t.order = append(t.order, *s)
	}
}

// Lay lays them, and sets the variables.
func (t *Texts) Lay() {
	if len(t.into) == 0 {
		return
	}
	var b strings.Builder
	b.Grow(t.size)
	for _, s := range t.order {
		b.WriteString(s)
	}
	piece := b.String()
	for _, s := range t.into {
		at := t.at[*s]
		*s = piece[at : at+len(*s)]
	}
	*t = Texts{}
}

// Of has all strings lie in one piece that are reached from what a pointer points to, but for those in interfaces and
// in fields that are not exported. Nobody else may know the value yet.
func Of[T any](v *T) {
	t := &Texts{}
	rekeyed := t.walk(reflect.ValueOf(v).Elem(), nil)
	t.Lay()
	for _, m := range rekeyed {
		m.put()
	}
}

// entries are those of a map, whose keys and values are not variables while they are in it.
type entries struct{ in, keys, values reflect.Value }

func entriesOf(m reflect.Value) entries {
	e := entries{in: m, keys: reflect.MakeSlice(reflect.SliceOf(m.Type().Key()), 0, m.Len()),
		values: reflect.MakeSlice(reflect.SliceOf(m.Type().Elem()), 0, m.Len())}
	for all := m.MapRange(); all.Next(); {
		e.keys, e.values = reflect.Append(e.keys, all.Key()), reflect.Append(e.values, all.Value())
	}
	return e
}

// put puts them into the map again: a key that is set anew would stay as it was.
func (e entries) put() {
	e.in.Clear()
	for i := range e.keys.Len() {
		e.in.SetMapIndex(e.keys.Index(i), e.values.Index(i))
	}
}

// walk adds the strings of a value, and returns the maps that are to be filled again, those within others first.
func (t *Texts) walk(v reflect.Value, maps []entries) []entries {
	switch v.Kind() {
	case reflect.String:
		if !v.CanSet() {
			break
		}
		if s, is := v.Addr().Convert(reflect.TypeFor[*string]()).Interface().(*string); is {
			t.Add(s)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return t.walk(v.Elem(), maps)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				maps = t.walk(f, maps)
			}
		}
	case reflect.Slice, reflect.Array:
		if !hasTexts(v.Type().Elem()) {
			break
		}
		for i := range v.Len() {
			maps = t.walk(v.Index(i), maps)
		}
	case reflect.Map:
		if v.Len() > 0 {
			e := entriesOf(v)
			maps = t.walk(e.values, t.walk(e.keys, maps))
			maps = append(maps, e)
		}
	default:
	}
	return maps
}

// hasTexts reports whether values of a type may have strings: bytes, which may be many, do not.
func hasTexts(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Pointer, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	default:
		return false
	}
}
