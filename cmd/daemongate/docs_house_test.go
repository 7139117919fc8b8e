package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a reader can take in at once: files of a folder, methods of a type, fields of a struct.
const (
	mostFiles   = 30
	mostMethods = 30
	mostFields  = 20
)

// tooWide are the folders and types that are wider, each with its reason or with what is still to be done about it.
var tooWide = map[string]string{
	"methods manifests Client": "a file a verb, and each verb is a few steps on one target",
	"methods sync/gate turn": "one Step being worked out; each rule of the gate is a method that reads " +
		"and writes the same few fields",
	"methods cmd/devcluster/kubelet story": "what a scripted kubelet can play, a method each",

	"fields rollout Judgement":        "what a judgement says; readers use one field each",
	"fields rollout/survey Site":      "what is known of one node: each is one fact, and every cause reads others",
	"fields sync/api/v1alpha1 Flight": "what a status says of the commit in flight, by the names that its readers know",
	"fields sync/gate Observation":    "everything that the gate may look at, on one page",
}

// widths counts the production files of folders, the methods of types and the fields of structs.
func widths(t *testing.T) map[string]int {
	t.Helper()
	count := map[string]int{}
	for file, text := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/testdata/") ||
			strings.Contains(text, "DO NOT EDIT.") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		folder := path.Dir(file)
		count["files "+folder]++
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil {
					count["methods "+folder+" "+receiver(d.Recv.List[0].Type)]++
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok {
						count["fields "+folder+" "+s.Name.Name] = fields(s.Type)
					}
				}
			}
		}
	}
	return count
}

// receiver is the name of the type that a method is of.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// fields is how many fields a struct has.
func fields(e ast.Expr) int {
	s, ok := e.(*ast.StructType)
	if !ok {
		return 0
	}
	n := 0
	for _, f := range s.Fields.List {
		n += max(1, len(f.Names))
	}
	return n
}

// No folder has more than 30 production files, no type more than 30 methods, and no struct more than 20 fields
// without a reason that stands here. What has become narrower leaves the list.
func TestNothingIsTooWideWithoutAReason(t *testing.T) {
	most := map[string]int{"files": mostFiles, "methods": mostMethods, "fields": mostFields}
	count := widths(t)
	for _, name := range slices.Sorted(maps.Keys(count)) {
		kind, _, _ := strings.Cut(name, " ")
		if _, listed := tooWide[name]; !listed && count[name] > most[kind] {
			t.Errorf("%s: %d, more than %d: put what is new into a file or type that is there, split it, or list it "+
				"in tooWide of cmd/daemongate/docs_house_test.go with a reason", name, count[name], most[kind])
		}
	}
	for name := range tooWide {
		if kind, _, _ := strings.Cut(name, " "); count[name] <= most[kind] {
			t.Errorf("%s: %d is not too wide any more: take it off the list tooWide", name, count[name])
		}
	}
}

// byName finds what calls methods by names that only the running program knows.
var byName = regexp.MustCompile(`"(?:html|text)/template"|\.(?:MethodByName|Set(?:Version|Usage|Help)Template|FromGoHTML)\(`)

// No code of the program calls methods by names: the linker would keep every exported method of every type, which is 20
// MB. Whether a library does is seen where it is linked for a release, in cmd/devrelease.
func TestNothingCallsMethodsByTheirNames(t *testing.T) {
	for file, text := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/testdata/") || strings.HasPrefix(file, "cmd/dev") {
			continue
		}
		if found := byName.FindString(text); found != "" {
			t.Errorf("%s has %s: see docs/decisions/0095-a-page-without-reflection.md", file, found)
		}
	}
}

// columns is how wide a line may be, with four for a tab.
const columns = 120

// Code and comments wrap, so that two files can be read beside each other. What cannot is a literal or a directive.
func TestLinesWrap(t *testing.T) {
	for file, text := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/testdata/") || strings.Contains(text, "DO NOT EDIT.") {
			continue
		}
		literal := false
		for n, line := range strings.Split(text, "\n") {
			inside := literal
			literal = literal != (strings.Count(line, "`")%2 == 1)
			width := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if width > columns && !inside && !literal && !unbroken.MatchString(line) {
				t.Errorf("%s:%d is %d columns wide", file, n+1, width)
			}
		}
	}
}

var unbroken = regexp.MustCompile("`|//nolint:|//go:|// \\+kubebuilder|https://")
