package yamlfile

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// nodeWeight is what a node counts beside its text, in bytes. In memory it is some times more.
const nodeWeight = 64

// Aliases is what aliases may repeat, in bytes. kustomize writes them out: 400 bytes can become gigabytes, and an
// anchor that holds itself never ends.
type Aliases struct {
	Document int64 // of one document
	Left     int64 // of all that are still to come
}

// Weigh refuses a document whose aliases repeat themselves, or too much. The error begins with the line.
func (b *Aliases) Weigh(doc Document) error {
	if doc.Node == nil {
		return nil
	}
	plain, aliases := plainWeight(doc.Node)
	if !aliases {
		return nil
	}
	s := scale{doc: doc, max: plain + min(b.Document, b.Left), weights: map[*yaml.Node]int64{}}
	written, err := s.weigh(doc.Node)
	b.Left -= max(written-plain, 0)
	return err
}

// plainWeight is the weight of what is written, and whether any of it is an alias.
func plainWeight(n *yaml.Node) (weight int64, aliases bool) {
	weight, aliases = nodeWeight+int64(len(n.Value)), n.Kind == yaml.AliasNode
	for _, c := range n.Content {
		below, found := plainWeight(c)
		weight, aliases = weight+below, aliases || found
	}
	return weight, aliases
}

// scale weighs a document with its aliases written out, each node once.
type scale struct {
	doc     Document
	max     int64
	weights map[*yaml.Node]int64
}

const beingWeighed = -1

func (s *scale) weigh(n *yaml.Node) (int64, error) {
	weight, known := s.weights[n]
	if weight == beingWeighed {
		return 0, fmt.Errorf("line %d: the anchor %q holds an alias of itself", s.doc.Line(n), n.Anchor)
	}
	if known {
		return weight, nil
	}
	s.weights[n] = beingWeighed
	weight = nodeWeight + int64(len(n.Value))
	below := n.Content
	if n.Kind == yaml.AliasNode {
		below = []*yaml.Node{n.Alias}
	}
	for _, c := range below {
		w, err := s.weigh(c)
		if err != nil {
			return 0, err
		}
		if weight += w; weight > s.max {
			return 0, fmt.Errorf("line %d: its aliases repeat %d bytes more than a render may: use fewer of them, or "+
				"raise the limit", s.doc.Line(n), weight-s.max)
		}
	}
	s.weights[n] = weight
	return weight, nil
}

const deepestText = 4 // YAML in the text of YAML in the text …: kustomize goes two deep

// WeighTexts weighs the YAML that stands as text in a node, such as an inline patch, and may be parsed by kustomize.
func (b *Aliases) WeighTexts(doc Document, n *yaml.Node) error { return b.weighText(doc, n, 0) }

func (b *Aliases) weighText(doc Document, n *yaml.Node, depth int) error {
	for _, c := range n.Content {
		if err := b.weighText(doc, c, depth); err != nil {
			return err
		}
	}
	if n.Kind != yaml.ScalarNode || depth == deepestText || !MayHoldAliases([]byte(n.Value)) {
		return nil
	}
	inner, _ := Parse([]byte(n.Value)) // what is no YAML is not written out by kustomize either
	for _, d := range inner {
		if d.Node == nil {
			continue
		}
		d.First += doc.Line(n)
		if err := b.Weigh(d); err != nil {
			return err
		}
		if err := b.weighText(d, d.Node, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// MayHoldAliases reports whether a text can have an alias in it at all.
func MayHoldAliases(content []byte) bool {
	return bytes.IndexByte(content, '&') >= 0 && bytes.IndexByte(content, '*') >= 0
}
