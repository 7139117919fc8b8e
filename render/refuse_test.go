package render_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// Nothing in this package's tests may go out: the transport that kustomize uses is one that says so, and there is no
// git to be found.
func TestMain(m *testing.M) {
	http.DefaultTransport = noNetwork{}
	if err := os.Setenv("PATH", ""); err != nil {
		panic(err)
	}
	m.Run()
}

type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	panic("a render went to " + r.URL.String())
}

const someObject = `
-- base/kustomization.yaml --
resources: [a.yaml]
-- base/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  key: value
`

// What would leave the tree, start a program or lose something is refused, with the file, the line and the field.
func TestRefusals(t *testing.T) {
	for _, story := range []struct {
		name, files string
		want        []string
	}{{
		"a base on a Git host",
		"-- prod/kustomization.yaml --\nresources:\n- ../base\n- github.com/example/fleet//agents?ref=v1\n",
		[]string{"prod/kustomization.yaml: line 3: resources: github.com/example/fleet//agents?ref=v1: is remote"},
	}, {
		"a base over https",
		"-- prod/kustomization.yaml --\nresources:\n- https://me:hunter2@github.com/example/fleet\n",
		[]string{"prod/kustomization.yaml: line 2: resources: https://…@github.com/example/fleet: is remote"},
	}, {
		"a base over ssh",
		"-- prod/kustomization.yaml --\nbases:\n- git@example.com:example/fleet\n",
		[]string{"prod/kustomization.yaml: line 2: bases: git@example.com:example/fleet: is remote"},
	}, {
		"a resource over https",
		"-- prod/kustomization.yaml --\nresources: [\"HTTPS://example.com/a.yaml\"]\n",
		[]string{"line 1: resources:", "is remote"},
	}, {
		"a base with git's own prefix",
		"-- prod/kustomization.yaml --\nresources: [\"git::https://example.com/a/b\"]\n",
		[]string{"is remote"},
	}, {
		"a component on a Git host",
		"-- prod/kustomization.yaml --\ncomponents: [ssh://git@example.com/a/b]\n",
		[]string{"line 1: components:", "is remote"},
	}, {
		"a repository of a file URL",
		"-- prod/kustomization.yaml --\nresources: [file:///srv/git/a.git]\n",
		[]string{"is remote"},
	}, {
		"a remote base below a local one",
		"-- prod/kustomization.yaml --\nresources: [../mid]\n-- mid/kustomization.yaml --\nresources: [../base, " +
			"https://example.com/a]\n",
		[]string{"mid/kustomization.yaml: line 1: resources: https://example.com/a: is remote"},
	}, {
		"a generator's file over https",
		"-- prod/kustomization.yaml --\nconfigMapGenerator:\n- name: a\n  files:\n  - key=https://example.com/a\n",
		[]string{"line 4: configMapGenerator: https://example.com/a: is remote"},
	}, {
		"a generator's env file over https",
		"-- prod/kustomization.yaml --\nsecretGenerator:\n- name: a\n  env: https://example.com/a\n",
		[]string{"line 3: secretGenerator: https://example.com/a: is remote"},
	}, {
		"a patch over https",
		"-- prod/kustomization.yaml --\nresources: [../base]\npatches:\n- path: http://example.com/a\n",
		[]string{"line 3: patches: http://example.com/a: is remote"},
	}, {
		"an old patch over https",
		"-- prod/kustomization.yaml --\nresources: [../base]\npatchesStrategicMerge:\n- http://example.com/{a}\n",
		[]string{"line 3: patchesStrategicMerge: http://example.com/{a}: is remote"},
	}, {
		"replacements over https",
		"-- prod/kustomization.yaml --\nresources: [../base]\nreplacements:\n- path: http://example.com/a\n",
		[]string{"replacements: http://example.com/a: is remote"},
	}, {
		"definitions over https",
		"-- prod/kustomization.yaml --\nresources: [../base]\ncrds: [\"http://example.com/a\"]\nconfigurations: " +
			"[\"http://example.com/a\"]\n",
		[]string{"crds: http://example.com/a: is remote"},
	}, {
		"a transformer over https",
		"-- prod/kustomization.yaml --\nresources: [../base]\ntransformers: [\"http://example.com/a\"]\n",
		[]string{"transformers: http://example.com/a: is remote"},
	}, {
		"an inline generator that reads over https",
		"-- prod/kustomization.yaml --\ngenerators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  " +
			"metadata: {name: a}\n  Files: [\"key=https://example.com/a\"]\n",
		[]string{"prod/kustomization.yaml: line 2: generators: line 4: Files: key=https://example.com/a: is remote"},
	}, {
		"a transformer's file that reads over https",
		"-- prod/kustomization.yaml --\nresources: [../base]\ntransformers: [t.yaml]\n-- prod/t.yaml --\napiVersion: " +
			"builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: http://example.com/a\n",
		[]string{"prod/t.yaml: line 4: path: http://example.com/a: is remote"},
	}, {
		"an inline transformer that is a repository in disguise",
		"-- prod/kustomization.yaml --\nresources: [../base]\ntransformers:\n- |\n  git@example.com:org/repo: x\n  " +
			"apiVersion: builtin\n  kind: PatchTransformer\n",
		[]string{"transformers:", "is remote"},
	}, {
		"a folder of transformers that would put an address together",
		"-- prod/kustomization.yaml --\nresources: [../base]\ntransformers: [../t]\n-- t/kustomization.yaml " +
			"--\nresources: [t.yaml]\npatches:\n- target: {}\n  patch: '[{op: replace, path: /path, value: " +
			"\"http://example.com/a\"}]'\n-- t/t.yaml --\napiVersion: builtin\nkind: PatchTransformer\nmetadata: " +
			"{name: a}\npath: a.yaml\n",
		[]string{"t/kustomization.yaml: line 2: patches: is refused in a folder that is listed as a generator, " +
			"transformer or validator"},
	}, {
		"transformers that list themselves",
		"-- prod/kustomization.yaml --\nresources: [../base]\ntransformers: [../prod]\n",
		[]string{"prod/kustomization.yaml: is in a circle"},
	}, {
		"a container as a generator",
		"-- prod/kustomization.yaml --\ngenerators: [g.yaml]\n-- prod/g.yaml --\napiVersion: example.com/v1\nkind: " +
			"Gen\nmetadata:\n  name: a\n  annotations:\n    config.kubernetes.io/function: |\n      container: " +
			"{image: example.com/gen}\n",
		[]string{"prod/g.yaml: line 1: Gen: config.kubernetes.io/function is refused"},
	}, {
		"a program as a validator",
		"-- prod/kustomization.yaml --\nresources: [../base]\nvalidators:\n- |\n  apiVersion: example.com/v1\n  " +
			"kind: Check\n  metadata: {name: a}\n",
		[]string{"line 3: validators:", "Check of example.com/v1 is a plugin that would execute something"},
	}, {
		"a chart",
		"-- prod/kustomization.yaml --\nhelmCharts:\n- name: fluentd\n  repo: https://example.com\n",
		[]string{"prod/kustomization.yaml: line 1: helmCharts: is refused"},
	}, {
		"a chart of old",
		"-- prod/kustomization.yaml --\nresources: [../base]\nhelmChartInflationGenerator:\n- chartName: fluentd\n",
		[]string{"line 2: helmChartInflationGenerator: is refused"},
	}, {
		"settings of charts",
		"-- prod/kustomization.yaml --\nresources: [../base]\nhelmGlobals: {chartHome: charts}\n",
		[]string{"line 2: helmGlobals: is refused"},
	}, {
		"a chart as a generator",
		"-- prod/kustomization.yaml --\ngenerators:\n- |\n  apiVersion: builtin\n  kind: " +
			"HelmChartInflationGenerator\n  metadata: {name: a}\n  name: a\n",
		[]string{"HelmChartInflationGenerator is refused"},
	}, {
		"a schema",
		"-- prod/kustomization.yaml --\nresources: [../base]\nopenapi: {path: schema.json}\n",
		[]string{"prod/kustomization.yaml: line 2: openapi: is refused"},
	}, {
		"an image with an endless name", someObject +
			"-- prod/kustomization.yaml --\nresources: [../base]\nimages:\n- name: a\n  newName: " +
			strings.Repeat("long", 200) + "\n",
		[]string{"prod/kustomization.yaml: line 4: images: longlonglong", "longer than 512 characters"},
	}, {
		"a resource above the tree",
		"-- prod/kustomization.yaml --\nresources: [../../a.yaml]\n",
		[]string{"line 1: resources: ../../a.yaml: leads out of the tree"},
	}, {
		"a file by its absolute path",
		"-- prod/kustomization.yaml --\nsecretGenerator:\n- name: a\n  files: [/etc/passwd]\n",
		[]string{"line 3: secretGenerator: /etc/passwd: is an absolute path"},
	}, {
		"a transformer's patch above the tree",
		"-- prod/kustomization.yaml --\nresources: [../base]\ntransformers:\n- |\n  apiVersion: builtin\n  kind: " +
			"PatchTransformer\n  metadata: {name: a}\n  path: ../../../etc/passwd\n",
		[]string{"/etc/passwd: leads out of the tree"},
	}, {
		"a link that leads out of the tree",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml -> ../../secret --\n",
		[]string{"prod/a.yaml: is a link to ../../secret, which is outside of the tree"},
	}, {
		"a link to an absolute path",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml -> /etc/passwd --\n",
		[]string{"prod/a.yaml: is a link to /etc/passwd, which is outside of the tree"},
	}, {
		"links in a circle",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml -> b.yaml --\n-- prod/b.yaml -> a.yaml --\n",
		[]string{"too many links"},
	}, {
		"a second document in a kustomization file",
		"-- prod/kustomization.yaml --\nresources: [../base]\n---\nnamePrefix: b-\n",
		[]string{"prod/kustomization.yaml: line 3: a second document"},
	}, {
		"a key twice in a kustomization file",
		"-- prod/kustomization.yaml --\nresources: [../base]\nresources: [a.yaml]\n",
		[]string{`prod/kustomization.yaml: line 2: the key "resources" is there twice, first on line 1`},
	}, {
		"a field that kustomize does not know",
		"-- prod/kustomization.yaml --\nresources: [../base]\nnameprefixx: a\n",
		[]string{`prod/kustomization.yaml: line 2: kustomize knows no field "nameprefixx"`},
	}, {
		"a value of the wrong type in a kustomization file",
		"-- prod/kustomization.yaml --\nresources: ../base\n",
		[]string{"prod/kustomization.yaml: line 1: resources: is a string where kustomize wants a []string"},
	}, {
		"an empty kustomization file",
		"-- prod/kustomization.yaml --\n# nothing yet\n",
		[]string{"prod/kustomization.yaml: is empty"},
	}, {
		"two kustomization files",
		"-- prod/kustomization.yaml --\nresources: [../base]\n-- prod/Kustomization --\nresources: [../base]\n",
		[]string{"prod: has kustomization.yaml and Kustomization: keep one"},
	}, {
		"bad YAML in a kustomization file",
		"-- prod/kustomization.yaml --\nresources: [../base]\n  a: b\n",
		[]string{"prod/kustomization.yaml: is no YAML: line"},
	}, {
		"bad YAML in the second document of a file",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: " +
			"ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: {\n",
		[]string{"prod/a.yaml: is no YAML: line 6"},
	}, {
		"a key twice in an object",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: " +
			"ConfigMap\nmetadata: {name: a}\ndata:\n  a: b\n  a: c\n",
		[]string{`prod/a.yaml: line 6: the key "a" is there twice, first on line 5`},
	}, {
		"a key that is a number",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: " +
			"ConfigMap\nmetadata: {name: a}\ndata:\n  8080: b\n",
		[]string{"prod/a.yaml: line 5: the key 8080 is not text: quote it"},
	}, {
		"not a number",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: " +
			"ConfigMap\nmetadata: {name: a}\ndata: {a: .nan}\n",
		[]string{"prod/a.yaml: line 4: .nan is no number"},
	}, {
		"an object without kind",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: " +
			"ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nmetadata: {name: b}\n",
		[]string{"prod/a.yaml: document 2 (line 5) is no object: it has no kind"},
	}, {
		"an object without a name",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: ConfigMap\n",
		[]string{"prod/a.yaml: document 1 (line 1) is no object: it has no metadata.name"},
	}, {
		"an object without apiVersion",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\nkind: ConfigMap\nmetadata: {name: a}\n",
		[]string{"prod/a.yaml: document 1 (line 1) is no object: it has no apiVersion"},
	}, {
		"text where an object belongs",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\nhello\n",
		[]string{"prod/a.yaml: document 1 (line 1) is no object"},
	}, {
		"a document that kustomize would leave out",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\napiVersion: v1\nkind: " +
			"ConfigMap\nmetadata: {name: a}\n...\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
		[]string{"prod/a.yaml:", "line 4"},
	}, {
		"the same object in two files",
		"-- prod/kustomization.yaml --\nresources: [../base, b.yaml]\n-- prod/b.yaml --\n# again\napiVersion: " +
			"v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
		[]string{"prod: ConfigMap a: is there twice: base/a.yaml (line 1) and prod/b.yaml (line 2): remove or rename " +
			"one"},
	}, {
		"the same object in two versions",
		"-- prod/kustomization.yaml --\nresources: [a.yaml, b.yaml]\n-- prod/a.yaml --\napiVersion: apps/v1\nkind: " +
			"DaemonSet\nmetadata: {name: a}\n-- prod/b.yaml --\napiVersion: apps/v1beta2\nkind: DaemonSet\nmetadata: " +
			"{name: a}\n",
		[]string{"prod:", "DaemonSet a: is there twice: prod/a.yaml (line 1) and prod/b.yaml (line 1)"},
	}, {
		"a resource that is missing",
		"-- prod/kustomization.yaml --\nresources: [missing.yaml]\n",
		[]string{"prod/kustomization.yaml: line 1: resources: missing.yaml: is not in the tree: prod holds " +
			"kustomization.yaml"},
	}, {
		"a base without a kustomization file",
		"-- prod/kustomization.yaml --\nresources: [../empty]\n-- empty/README --\nhello\n",
		[]string{"prod/kustomization.yaml: line 1: resources: ../empty: is a folder without a kustomization file"},
	}, {
		"a Git LFS pointer",
		"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\nversion " +
			"https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n",
		[]string{"prod/a.yaml: is a Git LFS pointer"},
	}, {
		"a base in a circle",
		"-- prod/kustomization.yaml --\nresources: [../mid]\n-- mid/kustomization.yaml --\nresources: [../prod]\n",
		[]string{"prod:", "cycle"},
	}} {
		t.Run(story.name, func(t *testing.T) {
			_, err := render.Build(context.Background(), rendertest.Tree(t, strings.TrimSpace(someObject)+"\n"+story.files),
				"prod", render.Options{})
			if err == nil {
				t.Fatal("rendered")
			}
			t.Log(err)
			for _, want := range story.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "@tree") {
				t.Errorf("shows the inside: %v", err)
			}
		})
	}
}
