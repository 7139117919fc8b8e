package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goFiles are the project's Go files by their paths, and their texts.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		texts[strings.TrimPrefix(path, "../../")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

var (
	toSection = regexp.MustCompile(`design\.md,? §(\d+)(?:, "([^"]+)")?`)
	toLaw     = regexp.MustCompile(`\blaws? (\d+)(?:(?:, (\d+))? and (\d+))?`)
)

// What comments refer to in docs/design.md is there: a section by its number, a paragraph by its first words, a law.
func TestReferencesToTheDesignLeadSomewhere(t *testing.T) {
	design := page(t, "docs/design.md")
	found := 0
	for path, text := range goFiles(t) {
		if strings.HasSuffix(path, "docs_design_test.go") {
			continue
		}
		text = strings.ReplaceAll(text, "\n// ", " ")
		for _, m := range toSection.FindAllStringSubmatch(text, -1) {
			found++
			if !strings.Contains(design, "\n## "+m[1]+". ") {
				t.Errorf("%s: docs/design.md has no section %s", path, m[1])
			}
			if title := m[2]; title != "" && !strings.Contains(design, "**"+title+"**") &&
				!strings.Contains(design, "**"+title+".**") && !strings.Contains(design, "\n### "+title+"\n") {
				t.Errorf("%s: docs/design.md has no part called %q", path, title)
			}
		}
		for _, m := range toLaw.FindAllStringSubmatch(text, -1) {
			for _, law := range m[1:] {
				if law != "" && !strings.Contains(design, "\n| "+law+" | **") {
					t.Errorf("%s: docs/design.md has no law %s", path, law)
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d references to sections were found", found)
	}
}

// The tests that docs/design.md and the decisions name as what holds a guarantee exist.
func TestTestsThatTheDesignNamesExist(t *testing.T) {
	declared := map[string]bool{}
	for _, text := range goFiles(t) {
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(text,
			-1) {
			declared[m[1]] = true
		}
	}
	pages, err := filepath.Glob("../../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, path := range append(pages, "../../docs/design.md") {
		text := page(t, strings.TrimPrefix(path, "../../"))
		for _, m := range regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w+)`).FindAllStringSubmatch(text, -1) {
			if named++; !declared[m[1]] {
				t.Errorf("%s: names %s, which does not exist: name the test that holds it now", path, m[1])
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d tests are named", named)
	}
}
