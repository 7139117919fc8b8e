package yamlfile

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Strict refuses what YAML allows and a Kubernetes object cannot hold. kustomize takes it, and loses a value or, while
// it words another error, ends the whole process. The error begins with the line.
func (d Document) Strict() error {
	if d.Node == nil {
		return nil
	}
	return d.strictNode(d.Node)
}

func (d Document) strictNode(n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		if err := d.strictKeys(n); err != nil {
			return err
		}
	case yaml.ScalarNode:
		return d.strictValue(n)
	}
	for _, c := range n.Content {
		if err := d.strictNode(c); err != nil {
			return err
		}
	}
	return nil
}

func (d Document) strictKeys(mapping *yaml.Node) error {
	lines := make(map[string]int, len(mapping.Content)/2)
	for key, value := range Pairs(mapping) {
		switch {
		case key.Tag == yaml.MergeTag:
			if value.Kind == yaml.ScalarNode {
				return fmt.Errorf("line %d: << wants a map: give it an alias of one, or quote the key", d.Line(key))
			}
			continue
		case key.Kind != yaml.ScalarNode || key.Tag != yaml.NodeTagString:
			return fmt.Errorf("line %d: the key %s is not text: quote it", d.Line(key), key.Value)
		case lines[key.Value] > 0:
			return fmt.Errorf("line %d: the key %q is there twice, first on line %d: remove one", d.Line(key),
				key.Value, lines[key.Value])
		}
		lines[key.Value] = d.Line(key)
	}
	return nil
}

func (d Document) strictValue(n *yaml.Node) error {
	if n.Tag == yaml.NodeTagFloat && strings.ContainsAny(n.Value, "nN") { // .nan, .inf; an exponent has no n
		return fmt.Errorf("line %d: %s is no number that JSON knows: quote it if it is text", d.Line(n), n.Value)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		var v any
		if err := n.Decode(&v); err != nil {
			return fmt.Errorf("line %d: %s is not what its tag %s says", d.Line(n), n.Value, n.Tag)
		}
	}
	return nil
}

// Dates are the lines of the plain scalars that YAML takes for a time, which kustomize then writes as one.
func (d Document) Dates(n *yaml.Node, found func(line int, value string)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!timestamp" && n.Style&yaml.TaggedStyle == 0 {
		found(d.Line(n), n.Value)
	}
	for _, c := range n.Content {
		d.Dates(c, found)
	}
}

// Pairs are the keys and values of a mapping.
func Pairs(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if mapping != nil && mapping.Kind == yaml.AliasNode {
			mapping = mapping.Alias
		}
		if mapping == nil || mapping.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

// Field is the value of a mapping's key, nil without one.
func Field(mapping *yaml.Node, name string) *yaml.Node {
	for key, value := range Pairs(mapping) {
		if key.Value == name {
			return value
		}
	}
	return nil
}

// Text is the text of a mapping's key, "" without one.
func Text(mapping *yaml.Node, names ...string) string {
	for _, name := range names {
		mapping = Field(mapping, name)
	}
	if mapping == nil || mapping.Kind != yaml.ScalarNode {
		return ""
	}
	return mapping.Value
}
