package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Section 3 of docs/design.md says which package imports which, and names each package in its drawing or in that table.
// The go command knows how it is.
func TestTheHouseIsAsItIsDrawn(t *testing.T) {
	const module = "github.com/daemongate/daemongate/"
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([\\w/]+)` \\| (nothing|`.*`) \\|$").FindAllStringSubmatch(page(t,
		"docs/design.md"), -1) {
		drawn[row[1]] = regexp.MustCompile(`[\w/]+`).FindAllString(strings.TrimPrefix(row[2], "nothing"), -1)
	}
	for line := range strings.Lines(string(out)) {
		names := strings.Fields(line)
		var imports []string
		for _, name := range names[1:] {
			if local, ok := strings.CutPrefix(name, module); ok {
				imports = append(imports, local)
			}
		}
		slices.Sort(imports)
		name := strings.TrimPrefix(names[0], module)
		if !slices.Equal(imports, drawn[name]) {
			t.Errorf("%s imports %v; docs/design.md says %v: if that is meant, correct its row in the table "+
				"of §3, or add one", name, imports, drawn[name])
		}
		delete(drawn, name)
	}
	for name := range drawn {
		t.Errorf("docs/design.md has a package %s, which does not exist: take its row out of the table of §3", name)
	}
}
