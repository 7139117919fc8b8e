package render_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/render"
)

// refusedCheaply wants an error with all of want, soon, and with no more than so many MiB allocated on the way. What
// the process does once, whatever it renders first, is not of the refusal: it has been done before.
func refusedCheaply(t *testing.T, files fstest.MapFS, most uint64, want ...string) {
	t.Helper()
	ordinary := fstest.MapFS{"prod/a.yaml": file(fmt.Sprintf(configMap, "a"))}
	if _, err := render.Build(context.Background(), ordinary, "prod", render.Options{}); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	result, err := render.Build(context.Background(), files, "prod", render.Options{})
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	used := (after.TotalAlloc - before.TotalAlloc) >> 20
	t.Logf("%s, %d MiB: %v", took.Round(time.Millisecond), used, err)
	if err == nil {
		t.Fatalf("rendered to %d objects", len(result.Objects))
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("does not say %q: %v", w, err)
		}
	}
	if used > most {
		t.Errorf("took %d MiB, more than %d", used, most)
	}
	if took > 5*time.Minute {
		t.Errorf("took %s", took)
	}
}

func file(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }

// A large file that is used over and over counts each time, whoever uses it.
func TestAFileCountsEachTimeItIsUsed(t *testing.T) {
	keys, envs := "", ""
	for i := range 200 {
		keys += fmt.Sprintf("  - k%d=big\n", i)
		envs += fmt.Sprintf("- name: g%d\n  envs: [big]\n", i)
	}
	inline := "generators:\n- |\n" + indented("apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: "+
		"a}\nfiles:\n"+strings.ReplaceAll(keys, "  -", "-"))
	paths := strings.Repeat("- {path: big}\n", 200)
	for name, kustomization := range map[string]string{
		"in many patches":      "patches:\n" + paths,
		"in many old patches":  "patchesStrategicMerge: [" + strings.Repeat("big,", 200) + "]\n",
		"in many replacements": "replacements:\n" + paths,
		"in many transformers": "transformers:\n" +
			strings.Repeat("- |\n"+indented("apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: "+
				"big\n"), 200),
		"in many configurations":      "configurations: [" + strings.Repeat("big,", 200) + "]\n",
		"under many keys":             "configMapGenerator:\n- name: a\n  files:\n" + keys,
		"under many keys of a Secret": "secretGenerator:\n- name: a\n  files:\n" + keys,
		"in many generators":          "configMapGenerator:\n" + envs,
		"in an inline generator":      inline,
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"prod/kustomization.yaml": file(kustomization),
				"prod/big": file("a: a=" + strings.Repeat("x", 1<<20))}
			refusedCheaply(t, files, 50, "prod/big: ", "67108864 bytes", "render.maxTotalSize")
		})
	}
}

// doubling is a tree of so many levels, each of which has the one below twice; field says as what.
func doubling(levels int, field, leaf string) fstest.MapFS {
	files := fstest.MapFS{"prod/kustomization.yaml": file("resources: [../l0]\n"), fmt.Sprintf("l%d/kustomization.yaml",
		levels): file(leaf)}
	kind := ""
	if field == "components" {
		files["prod/kustomization.yaml"] = file("components: [../l0]\n")
		kind = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
		files[fmt.Sprintf("l%d/kustomization.yaml", levels)] = file(kind + leaf)
	}
	for i := range levels {
		files[fmt.Sprintf("l%d/kustomization.yaml", i)] = file(fmt.Sprintf("%s%s: [../a%d, ../b%d]\n", kind, field, i,
			i))
		for _, way := range []string{"a", "b"} {
			files[fmt.Sprintf("%s%d/kustomization.yaml", way, i)] = file(fmt.Sprintf("%snamePrefix: %s\n%s: [../l%d]\n",
				kind, way, field, i+1))
		}
	}
	return files
}

// Folders that list the one below twice, again and again, are refused before kustomize has what they would come to.
func TestFoldersThatDoubleAreRefused(t *testing.T) {
	object := fmt.Sprintf(configMap, "a")
	for _, story := range []struct {
		name, field, leaf string
		want              []string
	}{
		{"objects of a file", "resources", "resources: [a.yaml]\n", []string{"l16/a.yaml: ", "10000 objects",
			"render.maxObjects"}},
		{"generated objects", "resources", "configMapGenerator: [{name: a, literals: [a=b]}]\n",
			[]string{"l16/kustomization.yaml: ", "10000 objects", "render.maxObjects"}},
		{"objects of inline generators", "resources", "generators:\n- |\n" +
			indented("apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\nliterals: [a=b]\n"),
			[]string{"l16/kustomization.yaml: ", "10000 objects"}},
		{"components", "components", "configMapGenerator: [{name: a, literals: [a=b]}]\n",
			[]string{"/kustomization.yaml: ", "raise render.max"}},
		{"aliases", "resources", "resources: [aliases.yaml]\n", []string{"l16/aliases.yaml: ",
			"aliases repeat more than 67108864 bytes", "render.maxTotalSize"}},
		{"text", "resources", "resources: [a.yaml]\ncommonAnnotations: {a: " + strings.Repeat("x", 1<<16) + "}\n",
			[]string{"67108864 bytes", "render.maxTotalSize"}},
	} {
		t.Run(story.name, func(t *testing.T) {
			files := doubling(16, story.field, story.leaf)
			files["l16/a.yaml"] = file(object)
			files["l16/aliases.yaml"] = file(object + "data: {a: &a " + strings.Repeat("x", 1<<16) + "}\nb: [" +
				strings.Repeat("*a,", 49) + "*a]\n")
			refusedCheaply(t, files, 100, story.want...)
		})
	}
}

// Folders without a single object end soon as well.
func TestFoldersOfNothingThatDoubleAreRefused(t *testing.T) {
	files := doubling(30, "resources", "resources: [a.yaml]\n")
	files["l30/a.yaml"] = file("{}\n")
	refusedCheaply(t, files, 100, "l30/kustomization.yaml: ", "render.maxTotalSize")
}

// Folders of plugins are gone through before kustomize has them: that ends soon as well.
func TestFoldersOfPluginsThatDoubleAreRefused(t *testing.T) {
	plugin := "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\n"
	files := fstest.MapFS{"prod/kustomization.yaml": file("generators: [../a0]\n")}
	for i := range 18 {
		for _, way := range []string{"a", "b"} {
			files[fmt.Sprintf("%s%d/kustomization.yaml", way, i)] = file(fmt.Sprintf("resources: [../a%d, ../b%d]\n",
				i+1, i+1))
		}
	}
	for _, way := range []string{"a", "b"} {
		files[way+"18/kustomization.yaml"] = file("resources: [g.yaml]\n")
		files[way+"18/g.yaml"] = file(strings.Repeat(plugin+"---\n", 100))
	}
	refusedCheaply(t, files, 500, "prod/kustomization.yaml: line 1: generators: ", "more than 10000 plugins",
		"render.maxObjects")
}

// Nothing counts twice: as many objects as are allowed, made from one base by overlays with a component, are rendered.
func TestOverlaysOfEverydayUseAreRendered(t *testing.T) {
	files := fstest.MapFS{
		"base/kustomization.yaml": file("resources: [a.yaml]\nconfigMapGenerator: [{name: config, files: " +
			"[config]}]\n"),
		"base/a.yaml": file(fmt.Sprintf(agent, 0, 0, 0, 0)),
		"base/config": file(strings.Repeat("level = info\n", 1000)),
		"component/kustomization.yaml": file("kind: Component\napiVersion: " +
			"kustomize.config.k8s.io/v1alpha1\ncommonAnnotations: {a: b}\npatches: [{path: p.yaml, target: {kind: " +
			"DaemonSet}}]\n"),
		"component/p.yaml": file("- {op: replace, path: /spec/minReadySeconds, value: 7}\n"),
	}
	all := "resources:\n"
	for i := range 100 {
		files[fmt.Sprintf("o%d/kustomization.yaml", i)] = file(fmt.Sprintf("namePrefix: o%d-\nresources: "+
			"[../base]\ncomponents: [../component]\n", i))
		all += fmt.Sprintf("- ../o%d\n", i)
	}
	files["prod/kustomization.yaml"] = file(all + "labels: [{pairs: {team: agents}, includeSelectors: true}]\n")
	result, err := render.Build(context.Background(), files, "prod", render.Options{Objects: 200, TotalSize: 2 << 20})
	if err != nil || len(result.Objects) != 200 {
		t.Errorf("%d objects, %v", len(result.Objects), err)
	}
	if _, err := render.Build(context.Background(), files, "prod", render.Options{Objects: 199}); err == nil {
		t.Error("one more than is allowed was rendered")
	}
}
