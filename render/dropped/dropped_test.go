package dropped_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

const patchedAgent = `
-- base/kustomization.yaml --
resources: [ds.yaml]
-- base/ds.yaml --
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
      - name: agent
        image: agent:v1
        args: [--a]
        ports: [{containerPort: 80, name: http}, {containerPort: 81, protocol: TCP}]
        env: [{name: TWICE, value: "1"}, {name: TWICE, value: "2"}, {name: ONCE, value: b}, {name: GONE, value: c}]
        volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {}}]
`

// merge is an inline strategic merge patch of the pod's spec.
func merge(spec string) string {
	return "- patch: |\n    apiVersion: apps/v1\n    kind: DaemonSet\n    metadata: {name: agent}\n    spec: " +
		"{template: {spec: " + spec + "}}\n"
}

// operations is an inline JSON patch.
func operations(ops string) string {
	return "- target: {kind: DaemonSet, name: agent}\n  patch: |\n    - " + ops + "\n"
}

// What kustomize drops of a patch is told with the file, the line and the field, in whatever form the patch is written.
func TestWhatKustomizeDropsOfAPatchIsSaid(t *testing.T) {
	port, variable := "{containers: [{name: agent, ports: [{containerPort: 80, protocol: TCP, hostPort: 8080}]}]}",
		"{containers: [{name: agent, env: [{name: TWICE, value: x}]}]}"
	file := "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec: {template: {spec: " + port + "}}\n"
	for _, story := range []struct {
		name, files string
		want        []string
	}{
		{"a port without a protocol in the base", "resources: [../base]\npatches:\n" + merge(port),
			[]string{"prod/kustomization.yaml: line 3: patches: " +
				"spec.template.spec.containers[agent].ports[80].hostPort of DaemonSet agent is lost"}},
		{"a port without a protocol in the patch", "resources: [../base]\npatches:\n" +
			merge("{containers: [{name: agent, ports: [{containerPort: 81, hostPort: 8081}]}]}"),
			[]string{"ports[81].hostPort of DaemonSet agent is lost"}},
		{"a variable that stands twice", "resources: [../base]\npatches:\n" + merge(variable),
			[]string{"line 3: patches: spec.template.spec.containers[agent].env[TWICE].value of DaemonSet agent is lost"}},
		{"in a file", "resources: [../base]\npatches: [{path: p.yaml}]\n-- prod/p.yaml --\n# port\n" + file,
			[]string{"prod/p.yaml: line 2: spec.template.spec.containers[agent].ports[80].hostPort"}},
		{"with a target", "resources: [../base]\npatches: [{path: p.yaml, target: {kind: DaemonSet}}]\n-- " +
			"prod/p.yaml --\n" + file, []string{"prod/p.yaml: line 1: spec.template"}},
		{"of old", "resources: [../base]\npatchesStrategicMerge: [p.yaml]\n-- prod/p.yaml --\n" + file,
			[]string{"prod/p.yaml: line 1: spec.template"}},
		{"of old, inline", "resources: [../base]\npatchesStrategicMerge:\n- |\n  " + strings.ReplaceAll(file, "\n",
			"\n  ") + "\n", []string{"prod/kustomization.yaml: line 3: patchesStrategicMerge: spec.template"}},
		{"by a transformer", "resources: [../base]\ntransformers: [t.yaml]\n-- prod/t.yaml --\napiVersion: " +
			"builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: p.yaml\n-- prod/p.yaml --\n" + file,
			[]string{"prod/p.yaml: line 1: spec.template"}},
		{"below an overlay that renames", "namePrefix: p-\nnamespace: ns\nresources: [../mid]\n-- " +
			"mid/kustomization.yaml --\nresources: [../base]\npatches:\n" + merge(port),
			[]string{"mid/kustomization.yaml: line 3: patches: " +
				"spec.template.spec.containers[agent].ports[80].hostPort of DaemonSet ns/p-agent is lost"}},
		{"in a component", "resources: [../base]\ncomponents: [../part]\n-- part/kustomization.yaml --\napiVersion: " +
			"kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n" + merge(port),
			[]string{"part/kustomization.yaml: line 4: patches: spec"}},
		{"a replace that adds", "resources: [../base]\npatches:\n" +
			operations("{op: replace, path: /spec/template/spec/hostNetwrok, value: true}"),
			[]string{"prod/kustomization.yaml: line 4: patches: replace /spec/template/spec/hostNetwrok of DaemonSet " +
				"agent: there was nothing to replace"}},
		{"a replace that adds after others", "resources: [../base]\npatches:\n" +
			operations("{op: add, path: /spec/template/spec/volumes/-, value: {name: x}}\n    - {op: replace, path: "+
				"/spec/template/spec/volumes/1/nane, value: y}"),
			[]string{"replace /spec/template/spec/volumes/1/nane"}},
		{"a replace that adds, of old", "resources: [../base]\npatchesJson6902:\n- {path: p.yaml, target: {group: " +
			"apps, version: v1, kind: DaemonSet, name: agent}}\n-- prod/p.yaml --\n- {op: replace, path: " +
			"/spec/minReadySecond, value: 1}\n", []string{"prod/p.yaml: line 1: replace /spec/minReadySecond"}},
		{"a target that is none", "resources: [../base]\npatches:\n- {path: p.yaml, target: {kind: DaemonSet, name: " +
			"agnt}}\n-- prod/p.yaml --\n- {op: add, path: /spec/minReadySeconds, value: 1}\n",
			[]string{"prod/kustomization.yaml: line 3: patches: its target (kind DaemonSet, name agnt) is no object"}},
	} {
		t.Run(story.name, func(t *testing.T) {
			result := build(t, rendertest.Tree(t, patchedAgent[1:]+"-- prod/kustomization.yaml --\n"+story.files), "prod")
			for _, want := range story.want {
				if !slices.ContainsFunc(result.Dropped, func(got string) bool { return strings.Contains(got, want) }) {
					t.Errorf("%q is not in %q", want, result.Dropped)
				}
			}
			for _, one := range result.Dropped {
				if !slices.Contains(result.Warnings, one) {
					t.Errorf("is no warning: %s", one)
				}
			}
		})
	}
}

// A patch that took effect, that removes, or that another one took the place of, is not warned of.
func TestPatchesThatTookEffectAreNotWarnedOf(t *testing.T) {
	base := strings.Replace(patchedAgent[1:], `{name: TWICE, value: "1"}, `, "", 1)
	for name, files := range map[string]string{
		"a port and its protocol": "patches:\n" +
			merge("{containers: [{name: agent, ports: [{containerPort: 81, protocol: TCP, hostPort: 8081}]}]}"),
		"a new variable": "patches:\n" +
			merge("{containers: [{name: agent, env: [{name: NEW, value: x}, {name: ONCE, value: y}]}]}"),
		"an element that goes": "patches:\n" +
			merge("{containers: [{name: agent, env: [{name: GONE, $patch: delete}]}]}"),
		"a value that goes": "patches:\n" +
			merge("{volumes: null, containers: [{name: agent, args: null}]}"),
		"a list in a new order": "patches:\n" +
			merge("{$setElementOrder/containers: [{name: agent}], containers: [{name: agent, args: [--b]}]}"),
		"a map in another's place": "patches:\n" +
			merge("{volumes: [{$patch: replace}, {name: tmp, hostPath: {path: /a}}], securityContext: {$patch: "+
				"replace, runAsUser: 1}}"),
		"retained keys": "patches:\n" +
			merge("{$retainKeys: [containers, volumes], containers: [{name: agent, image: b}]}"),
		"a later patch": "patches:\n" + merge("{containers: [{name: agent, image: agent:v2}]}") +
			merge("{containers: [{name: agent, image: agent:v3}]}"),
		"a later removal": "patches:\n" + merge("{hostNetwork: true}") +
			operations("{op: remove, path: /spec/template/spec/hostNetwork}"),
		"a later removal of all": "patches:\n" + merge("{hostNetwork: true}") +
			"- patch: |\n    apiVersion: apps/v1\n    kind: DaemonSet\n    metadata: {name: agent}\n    $patch: " +
			"delete\nconfigMapGenerator: [{name: a}]\n",
		"images after it": "images: [{name: agent, newName: other, newTag: v9}]\npatches:\n" +
			merge("{containers: [{name: agent, image: agent:v2}]}"),
		"a prefix after it": "namePrefix: p-\nconfigMapGenerator: [{name: c, literals: [a=b]}]\npatches:\n" +
			merge("{volumes: [{name: c, configMap: {name: c}}]}"),
		"replacements after it": "replacements:\n- source: {kind: DaemonSet, fieldPath: metadata.name}\n  " +
			"targets: [{select: {kind: DaemonSet}, fieldPaths: [spec.template.spec.hostname]}]\npatches:\n" +
			merge("{hostname: x}"),
		"operations but replace": "patches:\n" +
			operations("{op: add, path: /spec/minReadySeconds, value: 3}\n    - {op: test, path: "+
				"/spec/minReadySeconds, value: 3}\n    - {op: replace, path: /spec/minReadySeconds, value: 4}\n    - "+
				"{op: move, from: /spec/minReadySeconds, path: /spec/revisionHistoryLimit}\n    - {op: replace, "+
				"path: /spec/revisionHistoryLimit, value: 2}\n    - {op: remove, path: /spec/revisionHistoryLimit}"),
		"a replace of what is there": "patches:\n" +
			operations("{op: replace, path: /spec/template/spec/containers/0/image, value: b}\n    - {op: replace, "+
				"path: /spec/template/spec/containers/-1/args/0, value: b}"),
		"a replace of a patched one": "patches:\n" + merge("{hostNetwork: true}") +
			operations("{op: replace, path: /spec/template/spec/hostNetwork, value: false}"),
		"a replace of what it appended": "patches:\n" +
			operations("{op: add, path: /spec/template/spec/volumes/-, value: {name: x}}\n    - {op: replace, path: "+
				"/spec/template/spec/volumes/1/name, value: y}"),
		"a replace of what it inserted": "patches:\n" +
			operations("{op: add, path: /spec/template/spec/volumes/0, value: {name: x, emptyDir: {}}}\n    - {op: "+
				"replace, path: /spec/template/spec/volumes/1/emptyDir, value: {medium: Memory}}\n    - {op: "+
				"replace, path: /spec/template/spec/volumes/-1/emptyDir/medium, value: \"\"}"),
		"a replace of what it copied": "patches:\n" +
			operations("{op: copy, from: /spec/template/spec/volumes/0, path: /spec/template/spec/volumes/-}\n    - "+
				"{op: replace, path: /spec/template/spec/volumes/1/name, value: y}"),
		"a replace of a label": "labels: [{pairs: {a: b}, includeTemplates: true}]\npatchesJson6902:\n- " +
			"{path: p.yaml, target: {group: apps, version: v1, kind: DaemonSet, name: agent}}\n-- prod/p.yaml --\n- " +
			"{op: replace, path: /spec/template/metadata/labels/a, value: c}\n",
		"a removal from nothing": "patches:\n- target: {kind: Job}\n  patch: |\n    - {op: remove, path: /spec}\n",
		"a target by a label": "labels: [{pairs: {a: b}}]\npatches:\n- target: {kind: DaemonSet, " +
			"labelSelector: \"a=b,app!=x\"}\n  patch: |\n    - {op: add, path: /spec/minReadySeconds, value: 1}\n",
		"a removal from any": "patches:\n- target: {kind: Job}\n  patch: |\n    $patch: delete\n    " +
			"apiVersion: v1\n    kind: Job\n    metadata: {name: any}\n",
		"a deletion of some": "patches:\n- target: {kind: .*}\n  patch: |\n    apiVersion: apps/v1\n    " +
			"kind: DaemonSet\n    metadata: {name: any}\n    spec: {template: {spec: {volumes: [{name: tmp, $patch: " +
			"delete}]}}}\n",
		"deletions of what is there": "patches:\n" +
			merge("{volumes: [{name: tmp, $patch: delete}], containers: [{name: agent, ports: [{containerPort: 81, "+
				"protocol: TCP, $patch: delete}], env: [{name: TWICE, $patch: delete}]}]}"),
		"a replacement that selects": "replacements:\n- source: {kind: DaemonSet, fieldPath: metadata.name}\n  " +
			"targets:\n  - {select: {kind: DaemonSet, name: agent}, reject: [{name: other}], fieldPaths: " +
			"[spec.template.spec.containers.0.image]}\n  - {select: {name: agent}, fieldPaths: " +
			"[spec.template.spec.containers.0.image]}\n",
		"a replacement by a label": "labels: [{pairs: {a: b}}]\nreplacements:\n- source: {kind: DaemonSet, " +
			"fieldPath: metadata.name}\n  targets: [{select: {labelSelector: a=b}, fieldPaths: " +
			"[spec.template.spec.containers.0.image]}]\n",
		"nothing": "patches:\n" +
			merge("{containers: [{name: agent, resources: {}, ports: [], volumeMounts: []}]}"),
		"numbers, dates and booleans": "patches:\n" +
			merge("{terminationGracePeriodSeconds: 0x10, priority: 1e3, hostNetwork: true, hostname: 2026-01-02, "+
				"nodeName: \"1\"}"),
		"a kind of one's own": "resources: [../base, c.yaml]\npatches:\n- patch: |\n    apiVersion: " +
			"example.com/v1\n    kind: Gadget\n    metadata: {name: g}\n    spec: {list: [{name: a, b: c}], map: {a: " +
			"null, c: d}}\n-- prod/c.yaml --\napiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g}\nspec: " +
			"{list: [{name: a}, {name: b}], map: {a: b}}\n",
		"an annotation of kustomize": "patches:\n- patch: |\n    apiVersion: apps/v1\n    kind: DaemonSet\n    " +
			"metadata: {name: agent, annotations: {internal.config.kubernetes.io/index: \"3\", a: b}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(files, "resources") {
				files = "resources: [../base]\n" + files
			}
			for _, more := range []string{"", "-- top/kustomization.yaml --\nnamePrefix: top-\nnamespace: " +
				"top\nresources: [../prod]\nlabels: [{pairs: {top: top}}]\npatches:\n- target: {kind: Daemon.*}\n  " +
				"patch: |\n    - {op: add, path: /spec/template/spec/containers/0/image, value: last}\n"} {
				dir := "prod"
				if more != "" {
					dir = "top"
				}
				result, err := render.Build(context.Background(),
					rendertest.Tree(t, base+"-- prod/kustomization.yaml --\n"+files+more), dir, render.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for _, one := range result.Dropped {
					if !strings.Contains(name, "removal of all") || !strings.Contains(one, "top/") {
						t.Errorf("%s: %s", dir, one)
					}
				}
			}
		})
	}
}

// What a patch deletes and is not there, elements of lists that stand twice and of which a merge keeps one, and targets
// that select nothing are told with the file and the field.
func TestWhatDoesNothingIsSaid(t *testing.T) {
	byLabel := "- {op: add, path: /spec/minReadySeconds, value: 1}"
	replacement := func(target string) string {
		return "resources: [../base]\nreplacements:\n- source: {kind: DaemonSet, fieldPath: metadata.name}\n  " +
			"targets:\n  - {select: {kind: DaemonSet}, fieldPaths: [spec.template.spec.containers.0.image]}\n  - " +
			target + "\n"
	}
	for name, story := range map[string]struct{ files, want string }{
		"a variable that is not there": {"resources: [../base]\npatches:\n" +
			merge("{containers: [{name: agent, env: [{name: ONCE, $patch: delete}, {name: NONE, $patch: delete}]}]}"),
			"prod/kustomization.yaml: line 3: patches: $patch: delete of " +
				"spec.template.spec.containers[agent].env[NONE] deletes nothing"},
		"a container that is not there": {"resources: [../base]\npatches:\n" +
			merge("{containers: [{name: sidecar, $patch: delete}]}"), "containers[sidecar] deletes nothing"},
		"a port by another key": {"resources: [../base]\npatches:\n" +
			merge("{containers: [{name: agent, ports: [{containerPort: 80, protocol: TCP, $patch: delete}]}]}"),
			"ports[80] deletes nothing"},
		"a map that is not there": {"resources: [../base]\npatches:\n" +
			merge("{securityContext: {$patch: delete}}"), "$patch: delete of spec.template.spec.securityContext " +
			"deletes nothing"},
		"in a misspelt container": {"resources: [../base]\npatches:\n" +
			merge("{containers: [{name: agnt, env: [{name: ONCE, $patch: delete}]}]}"),
			"containers[agnt].env[ONCE] deletes nothing"},
		"of no object of many": {"resources: [../base]\npatches:\n- path: p.yaml\n  target: {kind: .*}\n-- " +
			"prod/p.yaml --\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: any}\nspec: {template: {spec: " +
			"{volumes: [{name: none, $patch: delete}]}}}\n",
			"prod/p.yaml: line 1: $patch: delete of spec.template.spec.volumes[none] deletes nothing"},
		"an object that is none": {"resources: [../base]\npatches:\n- target: {kind: DaemonSet, name: agnt}\n  " +
			"patch: |\n    $patch: delete\n    apiVersion: apps/v1\n    kind: DaemonSet\n    metadata: {name: any}\n",
			"line 4: patches: its target (kind DaemonSet, name agnt) is no object"},
		"a variable that stands twice": {"resources: [../base]\npatches:\n" +
			merge("{containers: [{name: agent, image: agent:v2}]}"),
			"spec.template.spec.containers[agent].env[TWICE] of DaemonSet agent stands twice, and kustomize keeps " +
				"one of them when it merges this patch: leave one in base/ds.yaml"},
		"a label that none has": {"resources: [../base]\ncommonLabels: {app: agent}\npatches:\n- {path: " +
			"p.yaml, target: {labelSelector: app=agnet}}\n-- prod/p.yaml --\n" + byLabel + "\n",
			"prod/kustomization.yaml: line 4: patches: its target (labelSelector app=agnet) is no object"},
		"an annotation that none has": {"resources: [../base]\npatches:\n- {path: p.yaml, target: {kind: DaemonSet, " +
			"annotationSelector: tier}}\n-- prod/p.yaml --\n" + byLabel + "\n",
			"its target (kind DaemonSet, annotationSelector tier) is no object"},
		"a replacement's name": {replacement("{select: {kind: DaemonSet, name: agnt}, fieldPaths: [spec.x]}"),
			"prod/kustomization.yaml: replacements[0].targets[1]: it selects no object (kind DaemonSet, name agnt)"},
		"a replacement's label": {replacement("{select: {labelSelector: app in (agnet)}, fieldPaths: [spec.x]}"),
			"replacements[0].targets[1]: it selects no object"},
		"a replacement that rejects": {replacement("{select: {kind: DaemonSet}, reject: [{name: agent}], fieldPaths: " +
			"[spec.x]}"), "replacements[0].targets[1]: it selects no object"},
		"a replacement in a file": {"resources: [../base]\nreplacements: [{path: r.yaml}]\n-- prod/r.yaml --\n- " +
			"source: {kind: DaemonSet, fieldPath: metadata.name}\n  targets: [{select: {kind: Job}, fieldPaths: " +
			"[spec.x]}]\n", "replacements[0] (r.yaml, entry 0).targets[0]: it selects no object"},
	} {
		t.Run(name, func(t *testing.T) {
			result := build(t, rendertest.Tree(t, patchedAgent[1:]+"-- prod/kustomization.yaml --\n"+story.files), "prod")
			if !slices.ContainsFunc(result.Dropped,
				func(got string) bool { return strings.Contains(got, story.want) }) {
				t.Errorf("%q is not in %q", story.want, result.Dropped)
			}
		})
	}
}
