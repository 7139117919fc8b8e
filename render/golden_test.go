package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata: review the diff")

// Every overlay of testdata renders, byte for byte, to what kustomize makes of the same files on a disk, and to what it
// rendered to when the golden file was reviewed.
func TestOverlayRendersToWhatKustomizeMakesOfItOnDisk(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(archives) == 0 {
		t.Fatal("no overlays", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			files := archive(t, filepath.Base(name))
			got := printed(t, build(t, files, "prod").Objects)
			want, err := kustomize(filesys.MakeFsOnDisk(), filepath.Join(onDisk(t, files), "prod"))
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from kustomize on a disk:\n%s\n--- kustomize:\n%s", got, want)
			}
			golden(t, strings.TrimSuffix(name, ".txt")+".golden", got)
		})
	}
}

// Files written on Windows render to the same set.
func TestWindowsLineEndings(t *testing.T) {
	files := archive(t, "agents.txt")
	want := printed(t, build(t, files, "prod").Objects)
	for name, file := range files {
		if filepath.Ext(name) == ".yaml" {
			file.Data = bytes.ReplaceAll(file.Data, []byte("\n"), []byte("\r\n"))
		}
	}
	if got := printed(t, build(t, files, "prod").Objects); got != want {
		t.Error(got)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test ./render -update rewrites it):\n%s", file, got)
	}
}
