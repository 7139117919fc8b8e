package html

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"testing"
)

// What others have written is what its table says: each file with its version, its licence and its hash, and no other.
func TestVendoredFilesAreWhatTheTableSays(t *testing.T) {
	table, err := staticFiles.ReadFile("static/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(table)) {
		if cells := strings.Split(line, "|"); len(cells) == 7 && strings.Contains(cells[1], ".js") {
			rows[strings.TrimSpace(cells[1])] = line
		}
	}
	files, err := fs.ReadDir(staticFiles, "static/vendor")
	if err != nil {
		t.Fatal(err)
	}
	scripts := 0
	for _, f := range files {
		if path.Ext(f.Name()) != ".js" {
			continue
		}
		scripts++
		content, err := staticFiles.ReadFile("static/vendor/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if row := rows[f.Name()]; !strings.Contains(row, hex.EncodeToString(sum[:])) || !strings.Contains(row, "0BSD") ||
			!strings.Contains(row, "4.0.1") {
			t.Errorf("%s has the hash %x, its row is %q", f.Name(), sum, row)
		}
	}
	if scripts != 2 || len(rows) != scripts {
		t.Errorf("%d files, %d rows", scripts, len(rows))
	}
}

// A file is asked for by a name with its hash in it, and by no other.
func TestAFilesNameHasItsHash(t *testing.T) {
	for name, as := range served().hashed {
		content, mediaType, found := Asset(as)
		sum := sha256.Sum256(content)
		if !found || len(content) == 0 || mediaType == "" || !strings.Contains(as, hex.EncodeToString(sum[:6])) {
			t.Errorf("%s as %s: %d bytes, %q, %v", name, as, len(content), mediaType, found)
		}
		if _, _, found := Asset(name); found {
			t.Errorf("%s is given without its hash", name)
		}
	}
	for _, name := range []string{"", "..", "vendor/README.md", "README.md", "../assets.go"} {
		if _, _, found := Asset(name); found {
			t.Errorf("%q is given", name)
		}
	}
}

// Our own script stays small enough to be read at once.
func TestTheScriptIsShort(t *testing.T) {
	script, err := staticFiles.ReadFile("static/grid.mjs")
	if n := strings.Count(string(script), "\n"); err != nil || n >= 150 {
		t.Errorf("%d lines, %v", n, err)
	}
}
