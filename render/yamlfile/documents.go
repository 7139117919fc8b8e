// Package yamlfile reads YAML files as kustomize will: their documents and the objects in them, with the lines on which
// they stand; what YAML allows and a Kubernetes object cannot hold; and how much aliases repeat.
package yamlfile

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Document is one YAML document of a file.
type Document struct {
	Node  *yaml.Node // what is in it; nil if that is nothing
	First int        // the number of lines before it
}

// Line is where a node of the document stands in its file, from 1.
func (d Document) Line(n *yaml.Node) int { return d.First + n.Line }

// separator is kustomize's own idea of where a document ends (kyaml/kio).
var separator = regexp.MustCompile(`\n---.*\n`)

// Parse parses a file as kustomize will. The error begins with the line. What kustomize would leave out without a
// word (more after a "...") is an error.
func Parse(content []byte) ([]Document, error) {
	var docs []Document
	for _, part := range Split(content) {
		doc, err := decode(part.Text, part.First)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// Part is the text of one document of a file.
type Part struct {
	Text  string
	First int // the number of lines before it
}

// Split cuts a file where its documents end, empty ones included.
func Split(content []byte) (parts []Part) {
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	begin, lines := 0, 0
	for _, cut := range append(separator.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		chunk := text[begin:cut[0]]
		if cut[0] < len(text) {
			chunk += "\n"
		}
		parts = append(parts, Part{chunk, lines})
		lines += strings.Count(text[begin:cut[1]], "\n")
		begin = cut[1]
	}
	return parts
}

func decode(chunk string, lines int) (Document, error) {
	decoder := yaml.NewDecoder(strings.NewReader(chunk))
	node, err := next(decoder)
	if err != nil {
		return Document{}, moveLine(err, lines)
	}
	doc := Document{Node: node, First: lines}
	more, err := next(decoder)
	if err != nil {
		return Document{}, moveLine(err, lines)
	}
	if more != nil {
		return Document{}, fmt.Errorf("line %d: a document that begins without a line of its own with --- would be "+
			"left out: add it", doc.Line(more))
	}
	return doc, nil
}

// next is the content of the next document, nil if that is nothing.
func next(decoder *yaml.Decoder) (*yaml.Node, error) {
	var n yaml.Node
	if err := decoder.Decode(&n); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if len(n.Content) == 0 || n.Content[0].Tag == yaml.NodeTagNull {
		return nil, nil
	}
	return n.Content[0], nil
}

var parserLine = regexp.MustCompile(`line (\d+)`)

// moveLine makes the parser's line, which counts from the document's beginning, one of the file.
func moveLine(err error, lines int) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	moved := parserLine.ReplaceAllStringFunc(text, func(found string) string {
		n, convErr := strconv.Atoi(strings.TrimPrefix(found, "line "))
		if convErr != nil {
			return found
		}
		return "line " + strconv.Itoa(n+lines)
	})
	if !strings.HasPrefix(moved, "line ") {
		moved = fmt.Sprintf("line %d: %s", lines+1, moved)
	}
	return errors.New(moved)
}
