// Package schema says what the API server would refuse of an object, by the definition of its kind and without asking:
// types, enumerations, bounds, patterns and those rules that read nothing but the object. What it does not understand
// of a definition it does not check, so the API server may refuse more, and never less.
package schema

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Check compares an object with the definition of its kind. The error joins what it says to each field, and repeats no
// value: a field may hold a password that does not belong there.
func Check(definition, object *unstructured.Unstructured) error {
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, v := range versions {
		version, _ := v.(map[string]any)
		if version["name"] != object.GroupVersionKind().Version {
			continue
		}
		schema, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
		var c checker
		c.check("", schema, object.Object)
		return errors.Join(c.wrong...)
	}
	return fmt.Errorf("%s: there is no such version of %s", object.GetAPIVersion(), object.GetKind())
}

// checker goes through an object, and notes what is wrong.
type checker struct{ wrong []error }

func (c *checker) say(path, format string, a ...any) {
	field := cmp.Or(strings.TrimPrefix(path, "."), "the whole")
	c.wrong = append(c.wrong, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, a...)))
}

// check goes through one value, and what is in it. A value of another type than that of the schema has no more to it.
func (c *checker) check(path string, schema map[string]any, value any) {
	before := len(c.wrong)
	switch v := value.(type) {
	case map[string]any:
		c.object(path, schema, v)
	case []any:
		c.list(path, schema, v)
	case string:
		c.text(path, schema, v)
	default:
		c.plain(path, schema, v)
	}
	if len(c.wrong) == before { // as the API server, which asks no rule about what is wrong in itself
		c.rules(path, schema, value)
	}
}

func (c *checker) object(path string, schema, object map[string]any) {
	if !typed(schema, "object") {
		c.say(path, "must be of type %v, and is an object", schema["type"])
		return
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, has := object[fmt.Sprint(name)]; !has {
			c.say(path+"."+fmt.Sprint(name), "is required")
		}
	}
	fields, _ := schema["properties"].(map[string]any)
	others, _ := schema["additionalProperties"].(map[string]any)
	open := others != nil || schema["x-kubernetes-preserve-unknown-fields"] == true || fields == nil // as metadata
	for _, name := range sorted(object) {
		field, known := fields[name].(map[string]any)
		switch {
		case known:
			c.check(path+"."+name, field, object[name])
		case others != nil:
			c.check(path+"["+name+"]", others, object[name])
		case !open:
			c.say(path+"."+name, "is no field")
		}
	}
}

func (c *checker) list(path string, schema map[string]any, list []any) {
	if !typed(schema, "array") {
		c.say(path, "must be of type %v, and is a list", schema["type"])
		return
	}
	if least, is := number(schema["minItems"]); is && float64(len(list)) < least {
		c.say(path, "must have at least %v entries", least)
	}
	if most, is := number(schema["maxItems"]); is && float64(len(list)) > most {
		c.say(path, "must have at most %v entries", most)
	}
	items, _ := schema["items"].(map[string]any)
	for i, item := range list {
		c.check(fmt.Sprintf("%s[%d]", path, i), items, item)
	}
}

func (c *checker) text(path string, schema map[string]any, text string) {
	if !typed(schema, "string") {
		c.say(path, "must be of type %v, and is a string", schema["type"])
		return
	}
	if least, is := number(schema["minLength"]); is && float64(utf8.RuneCountInString(text)) < least {
		c.say(path, "must have at least %v characters", least)
	}
	if most, is := number(schema["maxLength"]); is && float64(utf8.RuneCountInString(text)) > most {
		c.say(path, "must have at most %v characters", most)
	}
	if pattern, is := schema["pattern"].(string); is {
		if expression, err := regexp.Compile(pattern); err == nil && !expression.MatchString(text) {
			c.say(path, "must match %s", pattern)
		}
	}
	if enum, is := schema["enum"].([]any); is && !slices.Contains(enum, any(text)) {
		c.say(path, "must be one of %s", listed(enum))
	}
}

// plain checks numbers and truth values.
func (c *checker) plain(path string, schema map[string]any, value any) {
	if _, is := value.(bool); is && !typed(schema, "boolean") {
		c.say(path, "must be of type %v, and is a truth value", schema["type"])
		return
	}
	n, is := number(value)
	if !is {
		return
	}
	if !typed(schema, "integer") && !typed(schema, "number") {
		c.say(path, "must be of type %v, and is a number", schema["type"])
		return
	}
	if least, is := number(schema["minimum"]); is && n < least {
		c.say(path, "must be at least %v", least)
	}
	if most, is := number(schema["maximum"]); is && n > most {
		c.say(path, "must be at most %v", most)
	}
}

// rules asks the rules of one value. Those that are not understood say nothing.
func (c *checker) rules(path string, schema map[string]any, value any) {
	rules, _ := schema["x-kubernetes-validations"].([]any)
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		text, _ := rule["rule"].(string)
		field, _ := rule["fieldPath"].(string)
		if kept, understood := holds(text, value); understood && !kept {
			c.say(path+field, "%v", rule["message"])
		}
	}
}

// typed says whether a schema takes values of a type. One without a type takes all.
func typed(schema map[string]any, name string) bool {
	return schema["type"] == nil || schema["type"] == name
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func sorted(object map[string]any) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
