package html

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// element is a part of a page as a browser reads it.
type element struct{ *html.Node }

// parsed is a page, or a fragment of one, as a browser reads it.
func parsed(t testing.TB, text string) element {
	t.Helper()
	n, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return element{n}
}

// all are the elements below one for which something holds, in their order.
func (e element) all(holds func(element) bool) []element {
	var list []element
	for n := range e.Descendants() {
		if one := (element{n}); n.Type == html.ElementNode && holds(one) {
			list = append(list, one)
		}
	}
	return list
}

// tags are the elements of some kinds.
func (e element) tags(names ...string) []element {
	return e.all(func(one element) bool { return slices.Contains(names, one.Data) })
}

// id is the element with an id.
func (e element) id(t testing.TB, id string) element {
	t.Helper()
	list := e.all(func(one element) bool { return one.attr("id") == id })
	if len(list) != 1 {
		t.Fatalf("%d elements have the id %q", len(list), id)
	}
	return list[0]
}

// class are the elements of a class.
func (e element) class(name string) []element {
	return e.all(func(one element) bool { return slices.Contains(strings.Fields(one.attr("class")), name) })
}

// attr is the value of an attribute; empty if there is none.
func (e element) attr(name string) string {
	for _, a := range e.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what a person reads there, in one line.
func (e element) text() string {
	var b strings.Builder
	for n := range e.Descendants() {
		if n.Type == html.TextNode && (n.Parent == nil || n.Parent.Data != "script" && n.Parent.Data != "style") {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// cells are the texts of the rows of a table.
func (e element) cells() [][]string {
	var rows [][]string
	for _, body := range e.tags("tbody") {
		for _, row := range body.tags("tr") {
			var texts []string
			for _, cell := range row.tags("td", "th") {
				texts = append(texts, cell.text())
			}
			rows = append(rows, texts)
		}
	}
	return rows
}

// says fails unless the element has all of the texts in it.
func (e element) says(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if got := e.text(); !strings.Contains(got, text) {
			t.Errorf("%q does not say %q", got, text)
		}
	}
}
