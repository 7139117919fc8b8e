package render_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n"

func names(result render.Result) (all []string) {
	for _, o := range result.Objects {
		all = append(all, o.GetKind()+" "+o.GetName())
	}
	return all
}

// A folder without a kustomization file is all its YAML files, subfolders too, in the order of their paths; a subfolder
// with a kustomization file is a base; hidden ones, empty ones and everything else is passed over; lists are flattened.
func TestFolderWithoutKustomizationFileIsAllItsYAML(t *testing.T) {
	files := rendertest.Tree(t, `
-- agents/b.yml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b2}
-- agents/a/deep/a.yaml --
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a1}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a2}}
-- agents/base/kustomization.yaml --
namePrefix: based-
resources: [c.yaml]
-- agents/base/c.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
-- agents/.hidden.yaml --
not even YAML: {
-- agents/.git/x.yaml --
not even YAML: {
-- agents/empty.yaml --
# nothing
---
-- agents/README.md --
hello
-- agents/linked.yaml -> ../shared/d.yaml --
-- shared/d.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: d}
-- elsewhere/e.yaml --
not even YAML: {
`[1:])
	for _, dir := range []string{"agents", "./agents/", "/agents"} {
		result := build(t, files, dir)
		want := []string{"ConfigMap a1", "ConfigMap a2", "ConfigMap b", "ConfigMap b2", "ConfigMap based-c",
			"ConfigMap d"}
		if got := names(result); !slices.Equal(got, want) {
			t.Errorf("%s: %v", dir, got)
		}
		if !slices.Contains(result.Read, "agents") {
			t.Errorf("a new file in the folder would go unnoticed: %v", result.Read)
		}
	}
}

// A folder that is not there, or has nothing in it, is an error that says what is there.
func TestMissingFolderSaysWhatThereIs(t *testing.T) {
	files := rendertest.Tree(t, "-- clusters/prod/agents/README --\nx\n-- clusters/dev/a.yaml --\nx: y\n")
	for dir, want := range map[string]string{
		"clusters/prodd/agents": "clusters/prodd/agents: is not in the tree: clusters holds dev, prod",
		"cluster":               "cluster: is not in the tree: the root of the tree holds clusters",
		"clusters/prod/agents": "clusters/prod/agents: has neither a kustomization file nor any *.yaml or " +
			"*.yml file: clusters/prod/agents holds README",
		"clusters/prod/agents/README":  "clusters/prod/agents/README: is a file: give the folder that is to be rendered",
		"../other":                     "../other: leads out of the tree",
		"clusters/dev":                 "clusters/dev/a.yaml: document 1 (line 1) is no object: it has no apiVersion",
		"clusters/prod/agents/README/": "is a file",
	} {
		if _, err := render.Build(context.Background(), files, dir, render.Options{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// Input that makes kustomize panic is an error that names the folder, and the next render is none the worse.
func TestPanicInsideKustomizeIsAnError(t *testing.T) {
	for name, files := range map[string]string{
		"annotations that are a list": "-- prod/kustomization.yaml --\nresources: [a.yaml]\nnamePrefix: b-\n-- " +
			"prod/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: [x]\n",
		"a patch that removes the name": "-- prod/kustomization.yaml --\nresources: [a.yaml]\nnamePrefix: " +
			"b-\npatches:\n- target: {}\n  patch: '[{\"op\": \"remove\", \"path\": \"/metadata/name\"}]'\n-- " +
			"prod/a.yaml --\n" +
			fmt.Sprintf(configMap, "a"),
		"a null target of a replacement": "-- prod/kustomization.yaml --\nresources: [a.yaml]\nreplacements:\n- " +
			"source: {kind: ConfigMap}\n  targets: [null]\n-- prod/a.yaml --\n" +
			fmt.Sprintf(configMap, "a"),
	} {
		_, err := render.Build(context.Background(), rendertest.Tree(t, files), "prod", render.Options{})
		if err == nil {
			t.Errorf("%s: rendered", name)
			continue
		}
		t.Log(err)
		if !strings.HasPrefix(err.Error(), "prod") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// bomb is a document whose aliases, written out, would be some gigabytes.
func bomb() string {
	text := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 10; i++ {
		alias := fmt.Sprintf("*a%d", i-1)
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(alias+",", 10), ","))
	}
	return text
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

// An alias bomb is refused wherever kustomize would write it out, in no time and with next to no memory.
func TestAliasBombsAreWeighedAndRefused(t *testing.T) {
	object := fmt.Sprintf(configMap, "a")
	selfish := object + "data: &self\n  a: *self\n"
	for name, files := range map[string]string{
		"in a resource": "-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\n" +
			object + bomb(),
		"in a plain folder": "-- prod/a.yaml --\n" + object + bomb(),
		"in a second document": "-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\n" +
			object + "---\n" + object + bomb(),
		"in a kustomization file": "-- prod/kustomization.yaml --\nresources: [a.yaml]\n" + bomb(),
		"in a patch": "-- prod/kustomization.yaml --\nresources: [a.yaml]\npatches: [{path: " +
			"p.yaml}]\n-- prod/p.yaml --\n" + object + bomb() + "-- prod/a.yaml --\n" + object,
		"in an inline patch": "-- prod/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- patch: |\n" +
			indented(object+bomb()) + "-- prod/a.yaml --\n" + object,
		"in an inline transformer": "-- prod/kustomization.yaml --\nresources: [a.yaml]\ntransformers:\n- |\n" +
			indented("apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\n"+bomb()) +
			"-- prod/a.yaml --\n" + object,
		"in a configuration": "-- prod/kustomization.yaml --\nresources: [a.yaml]\nconfigurations: " +
			"[c.yaml]\n-- prod/c.yaml --\n" + bomb() + "-- prod/a.yaml --\n" + object,
		"in a definition": "-- prod/kustomization.yaml --\nresources: [a.yaml]\ncrds: [c.yaml]\n-- " +
			"prod/c.yaml --\n" + bomb() + "-- prod/a.yaml --\n" + object,
		"in a generator's file": "-- prod/kustomization.yaml --\nconfigMapGenerator: [{name: a, files: " +
			"[c.yaml]}]\n-- prod/c.yaml --\n" + bomb(),
		"of itself": "-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\n" +
			selfish,
		"of itself, in a folder": "-- prod/a.yaml --\n" + selfish,
		"of itself, in inline patch": "-- prod/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- patch: |\n" +
			indented(selfish) + "-- prod/a.yaml --\n" + object,
		"of itself, in kustomization": "-- prod/kustomization.yaml --\nresources: &r [*r]\n",
		"a little in each of many documents": "-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\n" +
			strings.Repeat(object+"data: {a: &a "+strings.Repeat("x", 1<<16)+"}\nb: ["+strings.Repeat("*a,", 59)+
				"*a]\n---\n", 20),
		"of long text": "-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\n" + object +
			"data: {a: &a " + strings.Repeat("x", 1<<16) + "}\nb: [" +
			strings.Repeat("*a,", 999) + "*a]\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := render.Build(context.Background(), rendertest.Tree(t, files), "prod", render.Options{})
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "alias") || !strings.Contains(err.Error(), "prod/") ||
				!strings.Contains(err.Error(), "line") {
				t.Error(err)
			}
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 100 {
				t.Errorf("took %d MiB", used)
			}
		})
	}
}

// Ordinary anchors are written out as kustomize does it.
func TestAnchorsOfEverydayUseArePassed(t *testing.T) {
	files := rendertest.Tree(t, "-- a.yaml --\n"+fmt.Sprintf(configMap, "a")+
		"  labels: &l {app: a}\n  annotations:\n    <<: *l\ndata: *l\n")
	got := printed(t, build(t, files, "").Objects)
	if !strings.Contains(got, "data:\n  app: a\n") || !strings.Contains(got, "annotations:\n    app: a\n") {
		t.Error(got)
	}
}

// Each limit ends in an error that says which one, and at which file.
func TestLimits(t *testing.T) {
	many := fstest.MapFS{}
	for i := range 20 {
		many[fmt.Sprintf("a/%02d.yaml", i)] = &fstest.MapFile{Data: []byte(fmt.Sprintf(configMap, fmt.Sprint("n", i)))}
	}
	list := "apiVersion: v1\nkind: List\nitems:\n"
	for i := range 20 {
		list += fmt.Sprintf("- {apiVersion: v1, kind: ConfigMap, metadata: {name: n%d}}\n", i)
	}
	many["list/l.yaml"] = &fstest.MapFile{Data: []byte(list)}
	many["alias/l.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(list, "items:\n", "a: &a\n", 1) +
		"items: *a\n")}
	many["merged/l.yaml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(strings.Replace(list, "items:\n",
		"<<:\n  items:\n", 1), "- {", "  - {"))}
	for _, story := range []struct {
		dir   string
		limit render.Options
		want  string
	}{
		{"a", render.Options{FileSize: 10}, "a/00.yaml: is larger than 10 bytes"},
		{"a", render.Options{TotalSize: 100}, "a/01.yaml: with it more than 100 bytes are read"},
		{"a", render.Options{Objects: 10}, "a/10.yaml: with it more than 10 YAML documents are read"},
		{"list", render.Options{Objects: 10}, "list/l.yaml: with it the render is of more than 10 objects"},
		{"alias", render.Options{Objects: 10}, "alias/l.yaml: with it the render is of more than 10 objects"},
		{"merged", render.Options{Objects: 10}, "merged: renders to 20 objects, more than 10"},
	} {
		_, err := render.Build(context.Background(), many, story.dir, story.limit)
		if err == nil || !strings.Contains(err.Error(), story.want) {
			t.Errorf("%+v: %v", story.limit, err)
		}
	}
}

// Build returns at its next read when its context ends.
func TestBuildReturnsWhenNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := render.Build(ctx, rendertest.Tree(t, someObject[1:]), "base", render.Options{}); !errors.Is(err,
		context.Canceled) {
		t.Error(err)
	}
}

// broken is a tree with a file that is there and cannot be read.
type broken struct {
	fstest.MapFS
	file string
}

func (b broken) Open(name string) (fs.File, error) {
	if name == b.file {
		return nil, io.ErrUnexpectedEOF
	}
	return b.MapFS.Open(name)
}

// A tree that cannot be read is told apart from a commit that cannot be rendered, also where kustomize would only say
// that there is no kustomization file.
func TestTreeThatCannotBeReadIsNotTheCommitsFault(t *testing.T) {
	for _, file := range []string{"base/kustomization.yaml", "base/a.yaml"} {
		_, err := render.Build(context.Background(), broken{rendertest.Tree(t, someObject[1:]), file}, "base", render.Options{})
		var unread *render.TreeError
		if !errors.As(err, &unread) || unread.Path != file || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Links inside the tree are followed, of files and of folders, and are part of what was read.
func TestLinksInsideTheTreeAreFollowed(t *testing.T) {
	files := rendertest.Tree(t, someObject[1:]+"-- prod/kustomization.yaml --\nresources: [b, ../link/../base/c.yaml]\n-- "+
		"prod/b -> ../link --\n-- link -> base --\n-- base/c.yaml -> ../deep/er/c.yaml --\n-- deep/er -> ../base/.. "+
		"--\n-- c.yaml --\n"+
		fmt.Sprintf(configMap, "c"))
	result := build(t, files, "prod")
	if got := names(result); !slices.Equal(got, []string{"ConfigMap a", "ConfigMap c"}) {
		t.Error(got)
	}
	for _, want := range []string{"prod/b", "link", "base/kustomization.yaml", "base/a.yaml", "base/c.yaml", "deep/er",
		"c.yaml"} {
		if !slices.Contains(result.Read, want) {
			t.Errorf("%s is not in %v", want, result.Read)
		}
	}
	disk, err := kustomize(filesys.MakeFsOnDisk(), onDisk(t, files)+"/prod")
	if err != nil || string(disk) != printed(t, result.Objects) {
		t.Errorf("kustomize on a disk: %v\n%s", err, disk)
	}
}

// Deprecated fields are warnings of the result. Those with an exact replacement, and what else kustomize would say on
// the standard error, are not printed behind our back.
func TestDeprecatedFieldsAreWarnings(t *testing.T) {
	inFreshProcess(t, func() {
		files := rendertest.Tree(t, someObject[1:]+"-- prod/kustomization.yaml --\nbases: [../base]\ncommonLabels: {a: "+
			"b}\nimageTags: [{name: a, newTag: b}]\nsortOptions: {order: fifo}\n")
		result := build(t, files, "prod")
		want := []string{"prod/kustomization.yaml: bases is deprecated: use resources",
			"prod/kustomization.yaml: commonLabels is deprecated: use labels",
			"prod/kustomization.yaml: imageTags is deprecated: use images"}
		if !reflect.DeepEqual(result.Warnings, want) {
			t.Error(result.Warnings)
		}
		if got := names(result); !slices.Equal(got, []string{"ConfigMap a"}) {
			t.Error(got)
		}
	})
}

// inFreshProcess runs a test again in a process of its own, where nothing has been rendered before, and wants that to
// succeed and print nothing on its standard error.
func inFreshProcess(t *testing.T, test func()) {
	t.Helper()
	const fresh = "DAEMONGATE_TEST_FRESH"
	if os.Getenv(fresh) != "" {
		test()
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), fresh+"=1")
	var stderr strings.Builder
	child.Stderr = &stderr
	if stdout, err := child.Output(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr.String())
	}
}

// Numbers, booleans and text come out as what kustomize prints; an unquoted date is warned of.
func TestValuesKeepTheirTypes(t *testing.T) {
	files := rendertest.Tree(t, "-- a.yaml --\napiVersion: v1\nkind: Thing\nmetadata:\n  name: a\nspec: {int: 7, big: "+
		"9007199254740993, float: 1.5, exp: 1e3, octal: 0644, octal2: 0o644, zero: 08, yes: yes, true: true, text: "+
		"\"1\", none: null, at: 2026-01-02, quoted: \"2026-01-02\"}\n")
	files["a.yaml"].Data = []byte(strings.ReplaceAll(string(files["a.yaml"].Data), "true: true", "bool: true"))
	result := build(t, files, ".")
	want := map[string]any{
		"int": int64(7), "big": int64(9007199254740993), "float": 1.5, "exp": int64(1000), "octal": int64(420),
		"octal2": int64(420), "zero": int64(8),
		"yes": "yes", "bool": true, "text": "1", "none": nil, "at": "2026-01-02T00:00:00Z", "quoted": "2026-01-02",
	}
	if got := result.Objects[0].Object["spec"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%#v", got)
	}
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0],
		"a.yaml: line 5: 2026-01-02 is a time to YAML") {
		t.Error(result.Warnings)
	}
}

// Whatever kustomize says of a Secret, its values stay out of the error.
func TestSecretsStayOutOfErrors(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\ndata: {token: " +
		"aHVudGVyMw==}\n"
	for name, files := range map[string]string{
		"a generator that does not fit": "-- prod/kustomization.yaml --\nsecretGenerator:\n- name: a\n  behavior: " +
			"hunter2\n  literals: [password=hunter2, nokey-hunter2, a=b=hunter2]\n",
		"an env file that does not fit": "-- prod/kustomization.yaml --\nsecretGenerator:\n- name: a\n  envs: " +
			"[e.env]\n-- prod/e.env --\n\xffhunter2\n",
		"an inline patch of nothing": "-- prod/kustomization.yaml --\nresources: [s.yaml]\npatches:\n- patch: |-\n   " +
			" apiVersion: v1\n    kind: Secret\n    metadata: {name: other}\n    stringData: {password: hunter2}\n-- " +
			"prod/s.yaml --\n" + secret,
		"two patches in one": "-- prod/kustomization.yaml --\nresources: [s.yaml]\npatches:\n- path: p.yaml\n  " +
			"patch: '{kind: Secret, stringData: {password: hunter2}}'\n-- prod/p.yaml --\n" + secret +
			"-- prod/s.yaml --\n" + secret,
		"a validator that changes": "-- prod/kustomization.yaml --\nresources: [s.yaml]\nsecretGenerator: [{name: a, " +
			"literals: [password=hunter2]}]\nvalidators: [v.yaml]\n-- prod/s.yaml --\n" + secret +
			"-- prod/v.yaml --\napiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: v}\nlabels: {a: " +
			"b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
		"a patch of a component": "-- prod/kustomization.yaml --\nresources: [s.yaml]\ncomponents: [../part]\n-- " +
			"prod/s.yaml --\n" + secret +
			"-- part/kustomization.yaml --\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: " +
			"Component\npatches:\n- target: {kind: Secret}\n  patch: '[{\"op\": \"add\", \"path\": \"/data/a\", " +
			"\"value\": hunter3more]'\n",
	} {
		_, err := render.Build(context.Background(), rendertest.Tree(t, files), "prod", render.Options{})
		if err == nil {
			t.Errorf("%s: rendered", name)
			continue
		}
		t.Logf("%s: %v", name, err)
		if strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "104 117") ||
			strings.Contains(err.Error(), "aHVud") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Many overlays at once (fifty if all is tested) render to what each renders to alone, without one waiting for the
// other's end. Kinds that kustomize does not know are looked up in its schema while others have it parsed.
func TestManyOverlaysAtOnce(t *testing.T) { inFreshProcess(t, func() { manyOverlays(t) }) }

func manyOverlays(t *testing.T) {
	all := make([]string, 12)
	if os.Getenv("DAEMONGATE_TEST_ALL") != "" {
		all = make([]string, 50)
	}
	files := archive(t, "agents.txt")
	for i := range all {
		files[fmt.Sprintf("many/%d/kustomization.yaml", i)] = &fstest.MapFile{Data: []byte(fmt.Sprintf("namespace: "+
			"n%d\nresources: [../../prod, ../../custom]\n", i))}
	}
	gadgets := ""
	for i := range 200 {
		gadgets += fmt.Sprintf("apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g%d}\n---\n", i)
	}
	files["custom/a.yaml"] = &fstest.MapFile{Data: []byte(gadgets)}
	files["custom/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources: [a.yaml]\n")}
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			dir := fmt.Sprintf("many/%d", i)
			if i%10 == 0 {
				dir = "custom"
			}
			// Each waits for a core with fifty others, which is no matter of how large it is.
			result, err := render.Build(context.Background(), files, dir, render.Options{})
			if err != nil {
				t.Error(err)
			}
			all[i] = strings.ReplaceAll(printed(t, result.Objects), fmt.Sprintf("namespace: n%d\n", i),
				"namespace: n\n")
		})
	}
	group.Wait()
	for i := range all {
		if all[i] != all[min(i%10, 1)] || all[i] == "" {
			t.Errorf("%d differs:\n%s", i, all[i])
		}
	}
}
