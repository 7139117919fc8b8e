package child_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/render/child/childtest"
	"github.com/daemongate/daemongate/render/rendertest"
)

// many are so many ConfigMaps in one list.
func many(objects int) string {
	list := "apiVersion: v1\nkind: List\nitems:\n"
	for i := range objects {
		list += fmt.Sprintf("- {apiVersion: v1, kind: ConfigMap, metadata: {name: n%d}}\n", i)
	}
	return list
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

// A few kilobytes that copy what they have copied would take gigabytes inside kustomize.
func TestWhatCopiesItselfEnds(t *testing.T) {
	const joined = "delimiter: '-', index: -1"
	itself := strings.Repeat(rendertest.Replacement("data.x", "data.x", joined), 40)
	plugin := "apiVersion: builtin\nkind: ReplacementTransformer\nmetadata: {name: t}\nreplacements:\n"
	for name, more := range some(map[string]string{
		"a value joined to itself": "replacements:\n" + itself,
		"two values, one to the other": "replacements:\n" + strings.Repeat(rendertest.Replacement("data.x", "data.y", joined)+
			rendertest.Replacement("data.y", "data.x", joined), 30),
		"a value in one replacement": "replacements:\n" + rendertest.Replacement("data.x", strings.Repeat("data.x, ", 40)+
			"data.x", joined),
		"a value in one of many targets": "replacements:\n" + rendertest.Replacement("data.x", "data.x", joined) +
			strings.Repeat("  - select: {kind: ConfigMap, name: a}\n    fieldPaths: [data.x]\n    options: {"+joined+
				"}\n", 40),
		"a list in all of its own elements": "replacements:\n" + rendertest.Replacement("long", "long.*.k", "create: true"),
		"a list in lists of its own":        "replacements:\n" + rendertest.Replacement("deep", "deep.*.*.k", "create: true"),
		"a map in itself": "replacements:\n" +
			rendertest.Each(40, func(i int) string { return rendertest.Replacement("data", fmt.Sprintf("data.k%d", i), "create: true") }),
		"an object's maps in each other": "replacements:\n" + rendertest.Each(40, func(i int) string {
			return rendertest.Replacement("data", fmt.Sprintf("spec.k%d", i), "create: true") +
				rendertest.Replacement("spec", fmt.Sprintf("data.k%d", i), "create: true")
		}),
		"every element of a list in itself": "replacements:\n" +
			rendertest.Each(10, func(i int) string {
				return rendertest.Replacement("spec.list", fmt.Sprintf("spec.list.*.k%d", i),
					"create: true")
			}),
		"in a file":                          "replacements: [{path: replacements.yaml}]\n",
		"one of a file, many times":          "replacements:\n" + strings.Repeat("- path: one.yaml\n", 40),
		"by a transformer":                   "transformers: [plugin.yaml]\n",
		"by an inline transformer":           "transformers:\n- |\n" + indented(plugin+itself),
		"by a transformer that reads a file": "transformers:\n- |\n" + indented(plugin+"- path: replacements.yaml\n"),
		"with names of any kind": "replacements:\n" +
			strings.ReplaceAll(itself, "select: {kind: ConfigMap, name: a}", "select: {name: a.*}"),
		"from a name of any kind": "replacements:\n" +
			strings.ReplaceAll(itself, "source: {kind: ConfigMap, ", "source: {"),
		"of a pattern of kinds": "replacements:\n" +
			strings.ReplaceAll(itself, "select: {kind: ConfigMap, name: a}", "select: {kind: Config.*}"),
		"a path with its key in brackets": "replacements:\n" +
			strings.Repeat(rendertest.Replacement("'data.[x]'", "data.x", joined), 40),
		"elements of lists": "replacements:\n" +
			strings.Repeat(rendertest.Replacement("spec.list.0.v", "spec.list.1.v", joined)+
				rendertest.Replacement("spec.list.1.v", "'spec.list.[v=1].v'", joined), 30),
		"in layers": "resources: [layer1]\n",
		"a JSON patch that copies its object": "patches:\n- target: {kind: ConfigMap}\n  patch: |\n" +
			rendertest.Each(40, func(i int) string { return fmt.Sprintf("    - {op: copy, from: /data, path: /data/k%d}\n", i) }),
	}) {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(more, "resources") {
				more = "resources: [a.yaml]\n" + more
			}
			files := fstest.MapFS{
				"prod/kustomization.yaml": file(more), "prod/a.yaml": file(rendertest.Word),
				"prod/replacements.yaml": file(itself),
				"prod/one.yaml": file(strings.Replace(rendertest.Replacement("data.x", "data.x", joined), "- source",
					"  source", 1)),
				"prod/plugin.yaml": file(plugin + itself),
			}
			for i := range 40 {
				below := fmt.Sprintf("../layer%d", i+2)
				if i == 39 {
					below = "../a.yaml"
				}
				files[fmt.Sprintf("prod/layer%d/kustomization.yaml", i+1)] = file("resources: [" + below +
					"]\nreplacements:\n" + rendertest.Replacement("data.x", "data.x", joined))
			}
			endsCheaply(t, files)
		})
	}
}

// One long value in many places is many long values, wherever it comes from and whatever names the places.
func TestALongValueInManyPlacesEnds(t *testing.T) {
	long := strings.Repeat("x", 1<<18)
	to := "  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.a]\n    options: {create: true}\n"
	from := "replacements:\n- source: {kind: ConfigMap, name: big, fieldPath: data.big}\n" + to
	lists := "apiVersion: example.com/v1\nkind: Lists\nmetadata: {name: l}\nspec: [" + strings.Repeat("{v: 1},", 500) +
		"]\n"
	claims := "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec: {volumeClaimTemplates: [" +
		strings.Repeat("{metadata: {name: a}},", 500) + "]}\n"
	vars := "vars: [{name: BIG, objref: {apiVersion: v1, kind: ConfigMap, name: big}, fieldref: {fieldpath: " +
		"data.big}}]\n"
	args := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{args: [" +
		strings.Repeat("$(BIG),", 500) + "]}]}\n"
	arg := "- {op: add, path: /metadata/annotations, value: {a: $(BIG)}}\n"
	wide := "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: t}\nannotations: {a: " + long +
		"}\nfieldSpecs: [{path: 'spec[]/labels', create: true}]\n"
	copies := "- {op: add, path: /data, value: {k: x}}\n" +
		rendertest.Each(16, func(i int) string { return fmt.Sprintf("- {op: copy, from: /data, path: /data/k%d}\n", i) })
	for name, more := range some(map[string]string{
		"from a file of objects":  "resources: [many.yaml, big.yaml]\n" + from,
		"from a generator's file": "resources: [many.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\n" + from,
		"from one under a key": "resources: [many.yaml]\nconfigMapGenerator: [{name: big, files: [big=other]}]\n" +
			from,
		"from an env file": "resources: [many.yaml]\nconfigMapGenerator: [{name: big, envs: [env]}]\n" + from,
		"from a literal": "resources: [many.yaml]\nconfigMapGenerator: [{name: big, literals: [big=" + long +
			"]}]\n" + from,
		"from a Secret": "resources: [many.yaml]\nsecretGenerator: [{name: big, files: [big]}]\n" +
			strings.ReplaceAll(from, "source: {kind: ConfigMap", "source: {kind: Secret"),
		"from a patch": "resources: [many.yaml, small.yaml]\npatches: [{path: patch.yaml}]\n" + from,
		"from a JSON patch": "resources: [many.yaml, small.yaml]\npatches: [{path: json.yaml, target: {name: " +
			"big}}]\n" + from,
		"from a field that got it": "resources: [many.yaml, big.yaml, a.yaml]\nreplacements:\n- source: {kind: " +
			"ConfigMap, name: big, fieldPath: data.big}\n  targets: [{select: {name: a}, fieldPaths: [data.x]}]\n- " +
			"source: {kind: ConfigMap, name: a, fieldPath: data.x}\n" + to,
		"from what holds it often": "resources: [many.yaml, lists.yaml]\nreplacements:\n- sourceValue: " +
			long[:1<<13] + "\n  targets: [{select: {kind: Lists}, fieldPaths: ['spec.*.v']}]\n- source: {kind: " +
			"Lists, name: l, fieldPath: spec}\n" + to,
		"all of a generator's": "resources: [many.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\n" +
			strings.ReplaceAll(from, "fieldPath: data.big", "fieldPath: data"),
		"from a list of long ones": "resources: [many.yaml, ten.yaml]\nreplacements:\n" + rendertest.Each(10, func(i int) string {
			return fmt.Sprintf("- sourceValue: %s\n  targets: [{select: {kind: Ten}, fieldPaths: [spec.%d]}]\n",
				long[:1<<15], i)
		}) + "- source: {kind: Ten, name: t, fieldPath: spec}\n" + to,
		"into copies of a list": "resources: [many.yaml, lists.yaml]\nreplacements:\n- source: {kind: Lists, name: " +
			"l, fieldPath: spec}\n  targets: [{select: {kind: Lists}, fieldPaths: [fresh], options: {create: " +
			"true}}]\n- source: {kind: Lists, name: l, fieldPath: fresh}\n  targets: [{select: {kind: ConfigMap}, " +
			"fieldPaths: [fresh], options: {create: true}}]\n- sourceValue: " + long[:1<<12] +
			"\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [fresh.*.v]}]\n",
		"into lists of a patch": "resources: [many.yaml]\npatches: [{path: list.yaml, target: {kind: " +
			"ConfigMap}}]\nreplacements:\n- sourceValue: " + long[:1<<13] +
			"\n  targets: [{select: {kind: ConfigMap}, fieldPaths: ['list.*.v']}]\n",
		"from long names of images": "resources: [pod.yaml, lists.yaml]\nimages: [{name: a, newName: " + long[:500] +
			"}]\nreplacements:\n" +
			strings.Repeat("- source: {kind: Pod, name: p, fieldPath: spec.containers.0.image}\n  targets: [{select: "+
				"{kind: Lists}, fieldPaths: ['spec.*.v']}]\n", 300),
		"from a transformer's patch": "resources: [many.yaml, small.yaml]\ntransformers:\n- |\n" +
			indented("apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npatch: |\n"+
				indented("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: "+long[:1<<16]+"}\n")) +
			strings.ReplaceAll(from, "data.a", "data.a, data.b, data.c"),
		"references that are copied": "resources: [words.yaml, big.yaml]\n" + vars +
			"replacements:\n- sourceValue: $(BIG)\n  targets: [{select: {kind: Pod}, fieldPaths: " +
			"['spec.containers.*.args.*']}]\n",
		"labels in copies of a list": "resources: [copied]\nlabels: [{pairs: {a: " + long[:1<<13] +
			"}, fields: [{path: 'list[]/labels', create: true}]}]\n",
		"labels in lists of a patch": "resources: [patched]\nlabels: [{pairs: {a: " + long[:1<<13] +
			"}, fields: [{path: 'list[]/labels', create: true}]}]\n",
		"from what a patch copied": "resources: [many.yaml, small.yaml]\npatches:\n- target: {kind: ConfigMap, name: " +
			"big}\n  patch: |-\n    - {op: replace, path: /data/big, value: " + long[:1<<16] +
			"}\n    - {op: copy, from: /data/big, path: /data/k}\n" +
			strings.NewReplacer("data.big", "data.k", "data.a", "data.a, data.b, data.c").Replace(from),
		"from a value of its own": "resources: [many.yaml]\nreplacements:\n- sourceValue: " + long + "\n" + to,
		"into elements of a list": "resources: [lists.yaml, big.yaml]\nreplacements:\n- source: {kind: ConfigMap, " +
			"name: big, fieldPath: data.big}\n  targets: [{select: {kind: Lists}, fieldPaths: ['spec.*.v']}]\n",
		"into a var":                "resources: [args.yaml, big.yaml]\n" + vars,
		"into a var of a generator": "resources: [args.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\n" + vars,
		"into a var in a patch": "resources: [many.yaml, big.yaml]\n" + vars +
			"patches: [{path: arg.yaml, target: {kind: ConfigMap}}]\n",
		"into a var of labels": "resources: [many.yaml, big.yaml]\n" + vars + "commonAnnotations: {a: $(BIG)}\n",
		"copies of a JSON patch": "resources: [many.yaml, many2.yaml]\npatches: [{path: copy.yaml, target: {kind: " +
			"ConfigMap}}]\n",
		"copies that are escaped": "resources: [many.yaml, many2.yaml]\npatches: [{path: escaped.yaml, target: " +
			"{kind: ConfigMap}}]\n",
		"labels of claims": "resources: [claims.yaml]\nlabels: [{pairs: {a: " + long +
			"}, includeTemplates: true}]\n",
		"old labels of claims": "resources: [claims.yaml]\ncommonLabels: {a: " + long + "}\n",
		"labels of elements": "resources: [lists.yaml]\nlabels: [{pairs: {a: " + long +
			"}, fields: [{path: 'spec[]/labels', create: true}]}]\n",
		"configured for elements": "resources: [lists.yaml]\ncommonAnnotations: {a: " + long +
			"}\nconfigurations: [config.yaml]\n",
		"a transformer of elements": "resources: [lists.yaml]\ntransformers:\n- |\n" + indented(wide),
	}) {
		t.Run(name, func(t *testing.T) {
			endsCheaply(t, fstest.MapFS{
				"prod/kustomization.yaml": file(more), "prod/many.yaml": file(many(500)),
				"prod/lists.yaml": file(lists), "prod/args.yaml": file(args), "prod/arg.yaml": file(arg),
				"prod/big.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: " + long +
					"}\n"),
				"prod/small.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: x}\n"),
				"prod/patch.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: " + long +
					"}\n"),
				"prod/json.yaml": file("- {op: replace, path: /data/big, value: " + long + "}\n"),
				"prod/big":       file(long), "prod/other": file(long), "prod/env": file("small=x\nbig=" + long + "\n"),
				"prod/a.yaml": file(rendertest.Word), "prod/claims.yaml": file(claims),
				"prod/ten.yaml": file("apiVersion: example.com/v1\nkind: Ten\nmetadata: {name: t}\nspec: [0, 1, 2, " +
					"3, 4, 5, 6, 7, 8, 9]\n"), "prod/list.yaml": file("- {op: add, path: /list, value: [" +
					strings.Repeat("{v: 1},", 100) + "]}\n"),
				"prod/many2.yaml": file(strings.ReplaceAll(many(500), "name: n", "name: m")),
				"prod/copy.yaml":  file(copies), "prod/escaped.yaml": file(strings.ReplaceAll(copies, "copy",
					`"c\x6fpy"`)),
				"prod/pod.yaml": file("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: " +
					"{containers: [{image: a}]}\n"),
				"prod/words.yaml": file(strings.ReplaceAll(args, "$(BIG)", "x")),
				"prod/copied/kustomization.yaml": file("resources: [../many.yaml, ../lists.yaml]\nreplacements:\n- " +
					"source: {kind: Lists, name: l, fieldPath: spec}\n  targets: [{select: {kind: ConfigMap}, " +
					"fieldPaths: [list], options: {create: true}}]\n"),
				"prod/patched/kustomization.yaml": file("resources: [../many.yaml]\npatches: [{path: ../list.yaml, " +
					"target: {kind: ConfigMap}}]\n"),
				"prod/config.yaml": file("commonAnnotations: [{path: 'spec[]/labels', create: true}]\n"),
			})
		})
	}
}

// So is what a kustomization puts into each of many objects.
func TestWhatIsCopiedIntoManyObjectsEnds(t *testing.T) {
	big := strings.Repeat("x", 1<<18)
	json := "- {op: add, path: /data, value: {a: " + big + "}}\n"
	merge := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: any}\ndata: {a: " + big + "}\n"
	repeating := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: any}\nx: &a [" + strings.Repeat("y,", 99) +
		"y]\ndata: [" + strings.Repeat("*a,", 99) + "*a]\n"
	plugin := "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: t}\nannotations: {a: " + big +
		"}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n"
	byPath := "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: json.yaml\ntarget: {kind: " +
		"ConfigMap}\n"
	component := "components: [../component]\n"
	for name, more := range some(map[string]string{
		"a JSON patch": "patches: [{path: json.yaml, target: {kind: ConfigMap}}]\n",
		"an old JSON patch": "patchesJson6902: [{path: json.yaml, target: {version: v1, kind: ConfigMap, " +
			"name: n.*}}]\n",
		"an inline JSON patch":      "patches:\n- target: {kind: ConfigMap}\n  patch: |\n" + indented(json),
		"a strategic merge patch":   "patches: [{path: merge.yaml, target: {name: n.*}}]\n",
		"an inline one of aliases":  "patches:\n- target: {kind: Config.*}\n  patch: |\n" + indented(repeating),
		"a patch of a component":    component,
		"annotations":               "commonAnnotations: {a: " + big + "}\n",
		"labels":                    "labels: [{pairs: {a: " + big + "}}]\n",
		"old labels":                "commonLabels: {a: " + big + "}\n",
		"an inline transformer":     "transformers:\n- |\n" + indented(plugin),
		"a transformer":             "transformers: [plugin.yaml]\n",
		"a transformer with a path": "transformers: [by-path.yaml]\n",
	}) {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"prod/kustomization.yaml": file("resources: [many.yaml]\n" + more), "prod/many.yaml": file(many(500)),
				"prod/json.yaml": file(json), "prod/merge.yaml": file(merge), "prod/plugin.yaml": file(plugin),
				"prod/by-path.yaml": file(byPath),
				"component/kustomization.yaml": file("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: " +
					"Component\npatches: [{path: ../prod/json.yaml, target: {kind: ConfigMap}}]\n"),
			}
			endsCheaply(t, files)
		})
	}
}

// some are a few of many trees, always the same, unless all are asked for: they take minutes.
func some(of map[string]string) map[string]string {
	if os.Getenv("DAEMONGATE_TEST_ALL") != "" {
		return of
	}
	few, each := map[string]string{}, 4
	if testing.Short() {
		each = 12
	}
	for i, name := range slices.Sorted(maps.Keys(of)) {
		if i%each == 0 {
			few[name] = of[name]
		}
	}
	return few
}

// endsCheaply renders what kustomize would take any amount of memory for. It ends: with an error that is the commit's,
// in the end because its process took more than it may, or because it came to little after all. The child never holds
// much more than its limit, this process next to nothing.
func endsCheaply(t *testing.T, files fstest.MapFS) {
	t.Helper()
	const limit = 128 << 20
	r, commit := child.NewAs(0, childtest.Program(t)), tree(t, files)
	defer r.Close()
	peak := watchPeak(t)
	heap := heapSize()
	result, err := r.Build(t.Context(), commit, "prod", render.Options{},
		child.Limits{Memory: limit, Timeout: 30 * time.Second})
	heap = heapSize() - heap
	most := peak()
	t.Logf("%d MiB: %d objects, %v", most>>20, len(result.Objects), err)
	var lost *child.LostError
	var memory *child.MemoryError
	switch {
	case errors.As(err, &lost):
		t.Error("not the commit's fault:", err)
	case most > 2*limit:
		t.Errorf("the child held %d MiB", most>>20)
	case err != nil && heap > 32<<20:
		t.Errorf("this process took %d MiB", heap>>20)
	case errors.As(err, &memory) && !strings.Contains(err.Error(), "prod: rendering took more than 128 MiB of memory"):
		t.Error(err)
	}
}

// heapSize is how many bytes this process has for its heap.
func heapSize() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys - m.HeapReleased)
}

// watchPeak follows how much memory of its own each child of this process holds, and tells the most that any did.
func watchPeak(t *testing.T) (peak func() int64) {
	t.Helper()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		var highest int64
		for {
			select {
			case <-stop:
				most <- highest
				return
			case <-time.After(5 * time.Millisecond):
			}
			for _, pid := range children(t) {
				highest = max(highest, anonymous(pid))
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}

// anonymous is how many bytes a process holds, but for its program.
func anonymous(pid string) int64 {
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	_, after, _ := strings.Cut(string(status), "RssAnon:")
	var kib int64
	_, _ = fmt.Sscan(after, &kib)
	return kib << 10
}
