// Package rendertest has what tests of rendering share: trees of files written as one text, and replacements.
package rendertest

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// Tree reads a story's files: each begins with a line "-- path --", a link with "-- path -> target --".
func Tree(t testing.TB, archive string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	var file *fstest.MapFile
	for line := range strings.Lines(archive) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(name), " --")
			file = &fstest.MapFile{Mode: 0o644}
			if link, target, ok := strings.Cut(name, " -> "); ok {
				name, file = link, &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte(target)}
			}
			files[name] = file
			continue
		}
		if file == nil {
			t.Fatalf("the archive begins with %q and not with a file name", line)
		}
		file.Data = append(file.Data, line...)
	}
	return files
}

// Word is a ConfigMap with short texts, and with lists that are long and deep.
const Word = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: hello, y: hello}\nspec: {list: [{v: " +
	"1}, {v: 2}]}\nlong: [{v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, " +
	"{v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, " +
	"{v: 1}, {v: 1}, {v: 1}]\ndeep: [[{v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: " +
	"1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: " +
	"1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}]]\n"

// Replacement copies from one field of ConfigMap a to another.
func Replacement(from, to, options string) string {
	return fmt.Sprintf("- source: {kind: ConfigMap, name: a, fieldPath: %s}\n  targets:\n  - select: {kind: "+
		"ConfigMap, name: a}\n    fieldPaths: [%s]\n    options: {%s}\n", from, to, options)
}

// Each joins a text for each number below n.
func Each(n int, text func(i int) string) (all string) {
	for i := range n {
		all += text(i)
	}
	return all
}
