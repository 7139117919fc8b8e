package render_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/render"
)

const word = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: hello, y: hello}\nspec: {list: [{v: 1}, {v: 2}]}\nlong: [{v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}]\ndeep: [[{v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}, {v: 1}]]\n"

// replacement copies from one field of ConfigMap a to another.
func replacement(from, to, options string) string {
	return fmt.Sprintf("- source: {kind: ConfigMap, name: a, fieldPath: %s}\n  targets:\n  - select: {kind: ConfigMap, name: a}\n    fieldPaths: [%s]\n    options: {%s}\n", from, to, options)
}

func each(n int, text func(i int) string) (all string) {
	for i := range n {
		all += text(i)
	}
	return all
}

// A few kilobytes that copy what they have copied would take gigabytes inside kustomize. They are refused before.
func TestWhatCopiesItselfIsRefused(t *testing.T) {
	const joined = "delimiter: '-', index: -1"
	itself := strings.Repeat(replacement("data.x", "data.x", joined), 40)
	plugin := "apiVersion: builtin\nkind: ReplacementTransformer\nmetadata: {name: t}\nreplacements:\n"
	for name, more := range map[string]string{
		"a value joined to itself":          "replacements:\n" + itself,
		"two values, one to the other":      "replacements:\n" + strings.Repeat(replacement("data.x", "data.y", joined)+replacement("data.y", "data.x", joined), 30),
		"a value in one replacement":        "replacements:\n" + replacement("data.x", strings.Repeat("data.x, ", 40)+"data.x", joined),
		"a value in one of many targets":    "replacements:\n" + replacement("data.x", "data.x", joined) + strings.Repeat("  - select: {kind: ConfigMap, name: a}\n    fieldPaths: [data.x]\n    options: {"+joined+"}\n", 40),
		"a list in all of its own elements": "replacements:\n" + replacement("long", "long.*.k", "create: true"),
		"a list in lists of its own":        "replacements:\n" + replacement("deep", "deep.*.*.k", "create: true"),
		"a map in itself":                   "replacements:\n" + each(40, func(i int) string { return replacement("data", fmt.Sprintf("data.k%d", i), "create: true") }),
		"an object's maps in each other": "replacements:\n" + each(40, func(i int) string {
			return replacement("data", fmt.Sprintf("spec.k%d", i), "create: true") + replacement("spec", fmt.Sprintf("data.k%d", i), "create: true")
		}),
		"every element of a list in itself":   "replacements:\n" + each(10, func(i int) string { return replacement("spec.list", fmt.Sprintf("spec.list.*.k%d", i), "create: true") }),
		"in a file":                           "replacements: [{path: replacements.yaml}]\n",
		"one of a file, many times":           "replacements:\n" + strings.Repeat("- path: one.yaml\n", 40),
		"by a transformer":                    "transformers: [plugin.yaml]\n",
		"by an inline transformer":            "transformers:\n- |\n" + indented(plugin+itself),
		"by a transformer that reads a file":  "transformers:\n- |\n" + indented(plugin+"- path: replacements.yaml\n"),
		"with names of any kind":              "replacements:\n" + strings.ReplaceAll(itself, "select: {kind: ConfigMap, name: a}", "select: {name: a.*}"),
		"from a name of any kind":             "replacements:\n" + strings.ReplaceAll(itself, "source: {kind: ConfigMap, ", "source: {"),
		"of a pattern of kinds":               "replacements:\n" + strings.ReplaceAll(itself, "select: {kind: ConfigMap, name: a}", "select: {kind: Config.*}"),
		"a path with its key in brackets":     "replacements:\n" + strings.Repeat(replacement("'data.[x]'", "data.x", joined), 40),
		"elements of lists":                   "replacements:\n" + strings.Repeat(replacement("spec.list.0.v", "spec.list.1.v", joined)+replacement("spec.list.1.v", "'spec.list.[v=1].v'", joined), 30),
		"in layers":                           "resources: [layer1]\n",
		"a JSON patch that copies its object": "patches:\n- target: {kind: ConfigMap}\n  patch: |\n" + each(40, func(i int) string { return fmt.Sprintf("    - {op: copy, from: /data, path: /data/k%d}\n", i) }),
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(more, "resources") {
				more = "resources: [a.yaml]\n" + more
			}
			files := fstest.MapFS{
				"prod/kustomization.yaml": file(more), "prod/a.yaml": file(word),
				"prod/replacements.yaml": file(itself), "prod/one.yaml": file(strings.Replace(replacement("data.x", "data.x", joined), "- source", "  source", 1)),
				"prod/plugin.yaml": file(plugin + itself),
			}
			for i := range 40 {
				below := fmt.Sprintf("../layer%d", i+2)
				if i == 39 {
					below = "../a.yaml"
				}
				files[fmt.Sprintf("prod/layer%d/kustomization.yaml", i+1)] = file("resources: [" + below + "]\nreplacements:\n" + replacement("data.x", "data.x", joined))
			}
			refusedCheaply(t, files, 100, " bytes: ")
		})
	}
}

// One long value in many places is many long values, wherever it comes from and whatever names the places.
func TestALongValueInManyPlacesIsRefused(t *testing.T) {
	long := strings.Repeat("x", 1<<18)
	to := "  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.a]\n    options: {create: true}\n"
	from := "replacements:\n- source: {kind: ConfigMap, name: big, fieldPath: data.big}\n" + to
	lists := "apiVersion: example.com/v1\nkind: Lists\nmetadata: {name: l}\nspec: [" + strings.Repeat("{v: 1},", 500) + "]\n"
	claims := "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec: {volumeClaimTemplates: [" + strings.Repeat("{metadata: {name: a}},", 500) + "]}\n"
	vars := "vars: [{name: BIG, objref: {apiVersion: v1, kind: ConfigMap, name: big}, fieldref: {fieldpath: data.big}}]\n"
	args := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{args: [" + strings.Repeat("$(BIG),", 500) + "]}]}\n"
	arg := "- {op: add, path: /metadata/annotations, value: {a: $(BIG)}}\n"
	wide := "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: t}\nannotations: {a: " + long + "}\nfieldSpecs: [{path: 'spec[]/labels', create: true}]\n"
	copies := "- {op: add, path: /data, value: {k: x}}\n" + each(16, func(i int) string { return fmt.Sprintf("- {op: copy, from: /data, path: /data/k%d}\n", i) })
	for name, more := range map[string]string{
		"from a file of objects":   "resources: [many.yaml, big.yaml]\n" + from,
		"from a generator's file":  "resources: [many.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\n" + from,
		"from one under a key":     "resources: [many.yaml]\nconfigMapGenerator: [{name: big, files: [big=other]}]\n" + from,
		"from an env file":         "resources: [many.yaml]\nconfigMapGenerator: [{name: big, envs: [env]}]\n" + from,
		"from a literal":           "resources: [many.yaml]\nconfigMapGenerator: [{name: big, literals: [big=" + long + "]}]\n" + from,
		"from a Secret":            "resources: [many.yaml]\nsecretGenerator: [{name: big, files: [big]}]\n" + strings.ReplaceAll(from, "source: {kind: ConfigMap", "source: {kind: Secret"),
		"from a patch":             "resources: [many.yaml, small.yaml]\npatches: [{path: patch.yaml}]\n" + from,
		"from a JSON patch":        "resources: [many.yaml, small.yaml]\npatches: [{path: json.yaml, target: {name: big}}]\n" + from,
		"from a field that got it": "resources: [many.yaml, big.yaml, a.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: big, fieldPath: data.big}\n  targets: [{select: {name: a}, fieldPaths: [data.x]}]\n- source: {kind: ConfigMap, name: a, fieldPath: data.x}\n" + to,
		"from what holds it often": "resources: [many.yaml, lists.yaml]\nreplacements:\n- sourceValue: " + long[:1<<13] + "\n  targets: [{select: {kind: Lists}, fieldPaths: ['spec.*.v']}]\n- source: {kind: Lists, name: l, fieldPath: spec}\n" + to,
		"all of a generator's":     "resources: [many.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\n" + strings.ReplaceAll(from, "fieldPath: data.big", "fieldPath: data"),
		"from a list of long ones": "resources: [many.yaml, ten.yaml]\nreplacements:\n" + each(10, func(i int) string {
			return fmt.Sprintf("- sourceValue: %s\n  targets: [{select: {kind: Ten}, fieldPaths: [spec.%d]}]\n", long[:1<<15], i)
		}) + "- source: {kind: Ten, name: t, fieldPath: spec}\n" + to,
		"into copies of a list": "resources: [many.yaml, lists.yaml]\nreplacements:\n- source: {kind: Lists, name: l, fieldPath: spec}\n  targets: [{select: {kind: Lists}, fieldPaths: [fresh], options: {create: true}}]\n" +
			"- source: {kind: Lists, name: l, fieldPath: fresh}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [fresh], options: {create: true}}]\n- sourceValue: " + long[:1<<12] + "\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [fresh.*.v]}]\n",
		"into lists of a patch": "resources: [many.yaml]\npatches: [{path: list.yaml, target: {kind: ConfigMap}}]\nreplacements:\n- sourceValue: " + long[:1<<13] + "\n  targets: [{select: {kind: ConfigMap}, fieldPaths: ['list.*.v']}]\n",
		"from long names of images": "resources: [pod.yaml, lists.yaml]\nimages: [{name: a, newName: " + long[:500] + "}]\nreplacements:\n" +
			strings.Repeat("- source: {kind: Pod, name: p, fieldPath: spec.containers.0.image}\n  targets: [{select: {kind: Lists}, fieldPaths: ['spec.*.v']}]\n", 300),
		"from a transformer's patch": "resources: [many.yaml, small.yaml]\ntransformers:\n- |\n" + indented("apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npatch: |\n"+indented("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: "+long[:1<<16]+"}\n")) + strings.ReplaceAll(from, "data.a", "data.a, data.b, data.c"),
		"references that are copied": "resources: [words.yaml, big.yaml]\n" + vars + "replacements:\n- sourceValue: $(BIG)\n  targets: [{select: {kind: Pod}, fieldPaths: ['spec.containers.*.args.*']}]\n",
		"labels in copies of a list": "resources: [copied]\nlabels: [{pairs: {a: " + long[:1<<13] + "}, fields: [{path: 'list[]/labels', create: true}]}]\n",
		"labels in lists of a patch": "resources: [patched]\nlabels: [{pairs: {a: " + long[:1<<13] + "}, fields: [{path: 'list[]/labels', create: true}]}]\n",
		"from what a patch copied": "resources: [many.yaml, small.yaml]\npatches:\n- target: {kind: ConfigMap, name: big}\n  patch: |-\n    - {op: replace, path: /data/big, value: " + long[:1<<16] + "}\n    - {op: copy, from: /data/big, path: /data/k}\n" +
			strings.NewReplacer("data.big", "data.k", "data.a", "data.a, data.b, data.c").Replace(from),
		"from a value of its own":   "resources: [many.yaml]\nreplacements:\n- sourceValue: " + long + "\n" + to,
		"into elements of a list":   "resources: [lists.yaml, big.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: big, fieldPath: data.big}\n  targets: [{select: {kind: Lists}, fieldPaths: ['spec.*.v']}]\n",
		"into a var":                "resources: [args.yaml, big.yaml]\n" + vars,
		"into a var of a generator": "resources: [args.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\n" + vars,
		"into a var in a patch":     "resources: [many.yaml, big.yaml]\n" + vars + "patches: [{path: arg.yaml, target: {kind: ConfigMap}}]\n",
		"into a var of labels":      "resources: [many.yaml, big.yaml]\n" + vars + "commonAnnotations: {a: $(BIG)}\n",
		"copies of a JSON patch":    "resources: [many.yaml, many2.yaml]\npatches: [{path: copy.yaml, target: {kind: ConfigMap}}]\n",
		"copies that are escaped":   "resources: [many.yaml, many2.yaml]\npatches: [{path: escaped.yaml, target: {kind: ConfigMap}}]\n",
		"labels of claims":          "resources: [claims.yaml]\nlabels: [{pairs: {a: " + long + "}, includeTemplates: true}]\n",
		"old labels of claims":      "resources: [claims.yaml]\ncommonLabels: {a: " + long + "}\n",
		"labels of elements":        "resources: [lists.yaml]\nlabels: [{pairs: {a: " + long + "}, fields: [{path: 'spec[]/labels', create: true}]}]\n",
		"configured for elements":   "resources: [lists.yaml]\ncommonAnnotations: {a: " + long + "}\nconfigurations: [config.yaml]\n",
		"a transformer of elements": "resources: [lists.yaml]\ntransformers:\n- |\n" + indented(wide),
	} {
		t.Run(name, func(t *testing.T) {
			refusedCheaply(t, fstest.MapFS{
				"prod/kustomization.yaml": file(more), "prod/many.yaml": file(many(500)), "prod/lists.yaml": file(lists), "prod/args.yaml": file(args), "prod/arg.yaml": file(arg),
				"prod/big.yaml":   file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: " + long + "}\n"),
				"prod/small.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: x}\n"),
				"prod/patch.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: " + long + "}\n"),
				"prod/json.yaml":  file("- {op: replace, path: /data/big, value: " + long + "}\n"),
				"prod/big":        file(long), "prod/other": file(long), "prod/env": file("small=x\nbig=" + long + "\n"),
				"prod/a.yaml": file(word), "prod/claims.yaml": file(claims),
				"prod/ten.yaml": file("apiVersion: example.com/v1\nkind: Ten\nmetadata: {name: t}\nspec: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"), "prod/list.yaml": file("- {op: add, path: /list, value: [" + strings.Repeat("{v: 1},", 100) + "]}\n"),
				"prod/many2.yaml": file(strings.ReplaceAll(many(500), "name: n", "name: m")), "prod/copy.yaml": file(copies), "prod/escaped.yaml": file(strings.ReplaceAll(copies, "copy", `"c\x6fpy"`)),
				"prod/pod.yaml":                   file("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: a}]}\n"),
				"prod/words.yaml":                 file(strings.ReplaceAll(args, "$(BIG)", "x")),
				"prod/copied/kustomization.yaml":  file("resources: [../many.yaml, ../lists.yaml]\nreplacements:\n- source: {kind: Lists, name: l, fieldPath: spec}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [list], options: {create: true}}]\n"),
				"prod/patched/kustomization.yaml": file("resources: [../many.yaml]\npatches: [{path: ../list.yaml, target: {kind: ConfigMap}}]\n"),
				"prod/config.yaml":                file("commonAnnotations: [{path: 'spec[]/labels', create: true}]\n"),
			}, 100, "render.maxTotalSize", "67108864")
		})
	}
}

// What people do with replacements renders: a host put together for every Ingress, many of them, beside large objects that
// no replacement has to do with.
func TestOrdinaryReplacementsAreNotRefused(t *testing.T) {
	ingresses := each(40, func(i int) string {
		return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i%d}\nspec: {rules: [{host: app.example.com}], tls: [{hosts: [app.example.com]}]}\n", i)
	})
	rules := each(60, func(i int) string {
		return fmt.Sprintf("- source: {kind: ConfigMap, name: settings, fieldPath: data.domain}\n  targets:\n  - select: {kind: Ingress}\n    fieldPaths: [spec.rules.*.host, spec.tls.*.hosts.*]\n    options: {delimiter: '.', index: %d}\n", i%3)
	})
	files := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [ingresses.yaml, many.yaml]\nnamePrefix: prod-\nlabels: [{pairs: {team: a}, includeSelectors: true, fields: [{path: spec/labels, create: true}]}]\n" +
			"configMapGenerator:\n- {name: settings, literals: [domain=example.org]}\n- {name: dashboards, files: [dashboard.json]}\nreplacements:\n" + rules),
		"prod/ingresses.yaml": file(ingresses), "prod/many.yaml": file(many(300)),
		"prod/dashboard.json": file(`{"a": "` + strings.Repeat("x", 900<<10) + `"}`),
	}
	if result := build(t, files, "prod"); len(result.Objects) != 342 {
		t.Errorf("%d objects", len(result.Objects))
	}
}

// Files count once, although they are gone through twice where there are replacements, and patches more often.
func TestFilesCountOnceBesideReplacements(t *testing.T) {
	files := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [a.yaml]\nconfigMapGenerator: [{name: big, files: [big]}]\nreplacements:\n" + replacement("data.x", "data.y", "create: true")),
		"prod/a.yaml":             file(word), "prod/big": file(strings.Repeat("x", 700<<10)),
	}
	patched := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [a.yaml]\npatches: [{path: big.yaml, target: {kind: ConfigMap}}]\n"),
		"prod/a.yaml":             file(word), "prod/big.yaml": file("- {op: add, path: /data/big, value: " + strings.Repeat("x", 700<<10) + "}\n"),
	}
	for name, files := range map[string]fstest.MapFS{"data": files, "a patch": patched} {
		if _, err := render.Build(context.Background(), files, "prod", render.Options{TotalSize: 1 << 20}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever replacements copy, one to the other: a render that they make too large is refused before kustomize begins, and
// not when its objects are written out.
func TestGrowthIsNeverEstimatedTooLow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	refused, rendered, rounds := 0, 0, 1000
	if os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		rounds = 200
	}
	for range rounds {
		more := each(1+random.IntN(12), func(int) string {
			path := func() string {
				return pick("data.x", "data.y", "data.x", "data", "spec", "spec.list", "spec.list.0.v", "spec.k", "metadata.name", "data.k")
			}
			options := pick("create: true", "delimiter: '-', index: 1", "delimiter: '-', index: -1", "delimiter: l, index: 9")
			to := pick(path(), path(), "spec.list.*.v", "spec.list.*.k", "metadata.annotations.k")
			return strings.ReplaceAll(replacement(path(), to, options), "select: {kind: ConfigMap, name: a}", pick("select: {kind: ConfigMap, name: a}", "select: {kind: ConfigMap}", "select: {name: b.*}"))
		})
		files := fstest.MapFS{
			"prod/kustomization.yaml": file("resources: [a.yaml, b.yaml]\nreplacements:\n" + more),
			"prod/a.yaml":             file(word), "prod/b.yaml": file(strings.ReplaceAll(word, "name: a", "name: b")),
		}
		_, err := render.Build(context.Background(), files, "prod", render.Options{TotalSize: 32 << 10})
		switch {
		case err == nil:
			rendered++
		case strings.Contains(err.Error(), "can come to more than"):
			refused++
		case strings.Contains(err.Error(), "the objects come to more than"):
			t.Fatalf("%v:\n%s", err, more)
		}
	}
	if refused < rounds/50 || rendered < rounds/50 {
		t.Errorf("%d were refused and %d rendered: that shows nothing", refused, rendered)
	}
	t.Logf("%d were refused and %d rendered", refused, rendered)
}
