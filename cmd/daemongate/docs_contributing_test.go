package main

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page for contributors names files and folders that exist, by their paths, or by their names alone.
func TestContributingNamesWhatExists(t *testing.T) {
	files := slices.Collect(maps.Keys(goFiles(t)))
	named := 0
	for _, m := range regexp.MustCompile("`(\\w[\\w/]*(?:/[\\w.]+|\\.go|\\.md))`").FindAllStringSubmatch(page(t,
		"docs/contributing.md"), -1) {
		named++
		isFile := func(file string) bool { return path.Base(file) == m[1] }
		if _, err := os.Stat("../../" + m[1]); err != nil && (strings.Contains(m[1], "/") ||
			!slices.ContainsFunc(files, isFile)) {
			t.Errorf("docs/contributing.md names %s, which does not exist: name what it has become", m[1])
		}
	}
	if named < 45 {
		t.Errorf("only %d files and folders are named", named)
	}
}
