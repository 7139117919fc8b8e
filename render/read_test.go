package render_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// came is all that a render came to, for comparing.
func came(t *testing.T, files fstest.MapFS) (string, []string) {
	t.Helper()
	result, err := render.Build(context.Background(), files, "prod", render.Options{})
	if err != nil {
		return "error: " + err.Error(), result.Read
	}
	return printed(t, result.Objects), result.Read
}

// hashed is a tree that hashes, as a commit's does.
type hashed struct{ fstest.MapFS }

func (h hashed) Blob(name string) (string, error) {
	info, err := fs.Stat(h.MapFS, name)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if !info.IsDir() {
		content, err := fs.ReadFile(h.MapFS, name)
		sum.Write(content)
		return hex.EncodeToString(sum.Sum(nil)), err
	}
	entries, err := fs.ReadDir(h.MapFS, name)
	for _, e := range entries {
		below, err := h.Blob(path.Join(name, e.Name()))
		if target, linkErr := fs.ReadLink(h.MapFS, path.Join(name, e.Name())); linkErr == nil {
			below, err = target, nil
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %s %s\n", e.Type(), e.Name(), below)
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}

// unchanged is what a consumer asks who would rather not render again.
func unchanged(t *testing.T, read []string, before, after fstest.MapFS) bool {
	t.Helper()
	same, err := render.Unchanged(read, hashed{before}, hashed{after})
	if err != nil {
		t.Fatal(err)
	}
	return same
}

func trees(t *testing.T) map[string]fstest.MapFS {
	t.Helper()
	archives, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]fstest.MapFS{}
	for _, name := range archives {
		all[filepath.Base(name)] = archive(t, filepath.Base(name))
	}
	object := strings.ReplaceAll(configMap, "%s", "a")
	all["a plain folder"] = rendertest.Tree(t, "-- prod/a.yaml --\n"+object+
		"-- prod/README --\nx\n-- prod/sub/kustomization.yaml --\nnamePrefix: b-\nresources: [../../base/a.yaml]\n-- "+
		"base/a.yaml --\n"+object)
	all["links"] = rendertest.Tree(t, "-- prod -> live --\n-- live/kustomization.yaml --\nresources: [x, y.yaml]\n-- live/x -> "+
		"../base --\n-- base/kustomization.yaml --\nnamePrefix: b-\nresources: [a.yaml]\n-- base/a.yaml --\n"+
		object+"-- live/y.yaml -> ../base/a.yaml --\n")
	all["a missing base"] = rendertest.Tree(t, "-- prod/kustomization.yaml --\nresources: [../base]\n-- other/a.yaml --\n"+object)
	all["a missing file"] = rendertest.Tree(t, "-- prod/kustomization.yaml --\nresources: [a/b.yaml]\n-- other/a.yaml --\n"+object)
	all["a missing folder"] = rendertest.Tree(t, "-- other/a.yaml --\n"+object)
	return all
}

// The read set is exact: whatever changes what a render comes to, errors included, is in it, be it a file that changed
// or vanished or one that was looked for and is there now. Whatever is not in it changes nothing.
func TestReadSetHoldsWhateverChangesTheRender(t *testing.T) {
	for name, files := range trees(t) {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && len(files) > 5 {
				t.Skip("hundreds of renders")
			}
			before, read := came(t, files)
			if !slices.IsSorted(read) || len(slices.Compact(slices.Clone(read))) != len(read) {
				t.Errorf("is not sorted or not unique: %v", read)
			}
			try := func(what, changed string, file *fstest.MapFile) {
				other := maps.Clone(files)
				if other[changed] = file; file == nil {
					delete(other, changed)
				}
				after, _ := came(t, other)
				same := unchanged(t, read, files, other)
				if after != before && same {
					t.Errorf("%s %s changes the render and is not in %v", what, changed, read)
				}
				if slices.Contains(read, changed) && same {
					t.Errorf("%s %s changes what was read, and that is not seen", what, changed)
				}
			}
			folders := map[string]bool{".": true, "base": true, "prod": true, "prod/a": true, "a": true}
			for file, content := range files {
				folders[path.Dir(file)] = true
				try("without", file, nil)
				try("with another", file, &fstest.MapFile{Data: append([]byte("another: {{\n"), content.Data...)})
				try("with a link for", file, &fstest.MapFile{Mode: os.ModeSymlink, Data: []byte("nowhere")})
			}
			for folder := range folders {
				for _, added := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization", "new.yaml",
					"b.yaml", "README"} {
					if _, there := files[path.Join(folder, added)]; !there {
						try("with a new", path.Join(folder, added),
							&fstest.MapFile{Data: []byte("resources: [new.yaml]\n")})
					}
				}
			}
		})
	}
}

// The read set holds no more than what was looked at: a commit that only touches a README need not be rendered.
func TestReadSetOfAnOverlay(t *testing.T) {
	files := archive(t, "agents.txt")
	files["base/README.md"] = &fstest.MapFile{Data: []byte("x")}
	want := []string{
		"base/Kustomization", "base/daemonset.yaml", "base/extra/parsers.conf", "base/fluent.conf",
		"base/kustomization.yaml",
		"base/kustomization.yml", "base/rbac.yaml", "prod/Kustomization", "prod/kustomization.yaml",
		"prod/kustomization.yml",
		"prod/limits.yaml", "prod/secret.env", "tolerate/Kustomization", "tolerate/kustomization.yaml",
		"tolerate/kustomization.yml",
	}
	got := build(t, files, "prod").Read
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	after := maps.Clone(files)
	after["base/README.md"] = &fstest.MapFile{Data: []byte("y")}
	if !unchanged(t, got, files, after) {
		t.Error("a README counts as a change")
	}
}

// A folder that becomes a link to the same files elsewhere is a change: what they name beside them is elsewhere too.
func TestFolderThatBecomesALinkIsAChange(t *testing.T) {
	object := strings.ReplaceAll(configMap, "%s", "a")
	before := rendertest.Tree(t, "-- prod/kustomization.yaml --\nresources: [../base]\n-- base/kustomization.yaml "+
		"--\nresources: [../a.yaml]\n-- a.yaml --\n"+object+"-- deep/a.yaml --\n"+object+"data: {deep: \"yes\"}\n")
	after := maps.Clone(before)
	delete(after, "base/kustomization.yaml")
	after["base"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("deep/base")}
	after["deep/base/kustomization.yaml"] = before["base/kustomization.yaml"]
	first, read := came(t, before)
	second, _ := came(t, after)
	if first == second || unchanged(t, read, before, after) {
		t.Errorf("is taken for the same:\n%s\n%s", first, second)
	}
}
