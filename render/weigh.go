package render

import (
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// nodeWeight is what a node counts beside its text, in bytes. In memory it is some times more.
const nodeWeight = 64

// budget is what aliases may repeat, in bytes. kustomize writes them out: 400 bytes can become gigabytes, and an anchor that
// holds itself never ends.
type budget struct {
	document int64 // of one document
	left     int64 // of all that are still to come
}

// weigh refuses a document whose aliases repeat themselves, or too much. The error begins with the line.
func (b *budget) weigh(doc document) error {
	if doc.node == nil {
		return nil
	}
	plain, aliases := plainWeight(doc.node)
	if !aliases {
		return nil
	}
	s := scale{doc: doc, max: plain + min(b.document, b.left), weights: map[*yaml.Node]int64{}}
	written, err := s.weigh(doc.node)
	b.left -= max(written-plain, 0)
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
	doc     document
	max     int64
	weights map[*yaml.Node]int64
}

const beingWeighed = -1

func (s *scale) weigh(n *yaml.Node) (int64, error) {
	weight, known := s.weights[n]
	if weight == beingWeighed {
		return 0, fmt.Errorf("line %d: the anchor %q holds an alias of itself", s.doc.line(n), n.Anchor)
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
			return 0, fmt.Errorf("line %d: its aliases repeat %d bytes more than a render may: use fewer of them, or raise the limit", s.doc.line(n), weight-s.max)
		}
	}
	s.weights[n] = weight
	return weight, nil
}

const deepestText = 4 // YAML in the text of YAML in the text …: kustomize goes two deep

// weighTexts weighs the YAML that stands as text in a node, such as an inline patch, and may be parsed by kustomize.
func (b *budget) weighTexts(doc document, n *yaml.Node) error { return b.weighText(doc, n, 0) }

func (b *budget) weighText(doc document, n *yaml.Node, depth int) error {
	for _, c := range n.Content {
		if err := b.weighText(doc, c, depth); err != nil {
			return err
		}
	}
	if n.Kind != yaml.ScalarNode || depth == deepestText || !mayHoldAliases([]byte(n.Value)) {
		return nil
	}
	inner, _ := documents([]byte(n.Value)) // what is no YAML is not written out by kustomize either
	for _, d := range inner {
		if d.node == nil {
			continue
		}
		d.first += doc.line(n)
		if err := b.weigh(d); err != nil {
			return err
		}
		if err := b.weighText(d, d.node, depth+1); err != nil {
			return err
		}
	}
	return nil
}
