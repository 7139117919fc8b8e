package render

import (
	"bytes"
	"math"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// keys are what files have under their keys, whatever stands above these, how often they refer to vars, and what JSON
// patches in them copy.
type keys struct {
	under      map[string]seen
	references map[string]int64
	copies     []jsonCopy
	fields     []trail // that a transformer shall put something into, beside those that it knows
}

// jsonCopy is an operation of a JSON patch (RFC 6902, 4.5).
type jsonCopy struct{ from, to trail }

// seen is what files have under a key.
type seen struct {
	longest  int64 // of the values, with their nodes
	all      int64 // of them together
	values   int64 // how many there are, and fields and elements in them
	elements int64 // how many there are, and elements in them
	lists    bool  // any is a list or a map
}

func newKeys() *keys { return &keys{under: map[string]seen{}, references: map[string]int64{}} }

// keysOf looks for the keys in YAML, and in the YAML that stands there as text, such as an inline patch.
func keysOf(content []byte) *keys {
	k := newKeys()
	k.refer(content)
	k.text(content, 0)
	return k
}

var references = regexp.MustCompile(`\$\(([^()]+)\)`)

// refer counts the references to vars in a text.
func (k *keys) refer(content []byte) {
	if !bytes.Contains(content, []byte("$(")) {
		return
	}
	for _, found := range references.FindAllSubmatch(content, -1) {
		k.references[string(found[1])]++
	}
}

func (k *keys) text(content []byte, depth int) {
	docs, err := documents(content)
	if err != nil || depth > deepestText { // what is no YAML has no keys
		return
	}
	for _, doc := range docs {
		if doc.node == nil {
			continue
		}
		s := scale{doc: doc, max: math.MaxInt64, weights: map[*yaml.Node]int64{}}
		weight, err := s.weigh(doc.node)
		if err != nil {
			continue
		}
		k.add("", weight, doc.node)
		k.node(&s, doc.node, depth)
	}
}

func (k *keys) node(s *scale, n *yaml.Node, depth int) {
	for key, value := range pairs(n) {
		k.add(key.Value, s.weights[value], value)
	}
	k.operation(s, n)
	if n.Kind == yaml.ScalarNode && strings.ContainsAny(n.Value, "\n{[") {
		k.text([]byte(n.Value), depth+1)
	} else if n.Kind == yaml.ScalarNode {
		k.variable(n.Value)
	}
	for _, below := range n.Content {
		k.node(s, below, depth)
	}
}

// operation is one of a JSON patch: what it adds, it does under the last key of its path.
func (k *keys) operation(s *scale, n *yaml.Node) {
	to := pointer(plainText(field(n, "path")))
	if value := field(n, "value"); value != nil && len(to.keys) > 0 {
		k.add(to.last(), s.weights[value], value)
	}
	if op := plainText(field(n, "op")); op == "" && len(to.keys) > 0 {
		k.fields = append(k.fields, to)
	} else if op == "copy" {
		k.copies = append(k.copies, jsonCopy{pointer(plainText(field(n, "from"))), to})
	}
}

// plainText is the text of a scalar, or of one that an alias stands for.
func plainText(n *yaml.Node) string {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// variable is a line of an env file, or a literal of a generator.
func (k *keys) variable(line string) {
	if key, value, ok := strings.Cut(line, "="); ok {
		k.longer(strings.TrimSpace(key), int64(len(value)))
	}
}

func (k *keys) longer(key string, size int64) {
	s := k.under[key]
	s.longest = max(s.longest, nodeWeight+2*size) // in a Secret it can stand in base64
	k.under[key] = s
}

func (k *keys) add(key string, weight int64, value *yaml.Node) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	s := k.under[key]
	s.longest = max(s.longest, weight)
	s.all += weight
	s.values += 1 + int64(len(value.Content))
	if s.elements++; value.Kind == yaml.SequenceNode {
		s.elements += int64(len(value.Content))
	}
	s.lists = s.lists || value.Kind != yaml.ScalarNode
	k.under[key] = s
}

// merge adds what a file has, that is used so often.
func (k *keys) merge(file *keys, times int64) {
	for key, more := range file.under {
		s := k.under[key]
		s.longest, s.lists = max(s.longest, more.longest), s.lists || more.lists
		s.all, s.values, s.elements = s.all+more.all*times, s.values+more.values*times, s.elements+more.elements*times
		k.under[key] = s
	}
	for name, more := range file.references {
		k.references[name] += more * times
	}
}
