package diff

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests"
)

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func config(t *testing.T, level, version string) *unstructured.Unstructured {
	t.Helper()
	return parsed(t, `{apiVersion: v1, kind: ConfigMap, data: {level: `+level+`}, metadata: {name: agent, namespace: logging,
  resourceVersion: "`+version+`", uid: u-`+version+`, managedFields: [{manager: m}]}}`)
}

// A change is a unified diff as kubectl diff prints it, without what the API server keeps itself, so that two looks at
// the same are alike.
func TestAChangeIsAUnifiedDiff(t *testing.T) {
	m := manifests.Merged{Object: manifests.IDOf(config(t, "info", "1")), Live: config(t, "info", "1"),
		Want: config(t, "debug", "2")}
	r, err := New(Changes{Merged: []manifests.Merged{m}})
	want := `diff -u -N LIVE/v1.ConfigMap.logging.agent MERGED/v1.ConfigMap.logging.agent
--- LIVE/v1.ConfigMap.logging.agent
+++ MERGED/v1.ConfigMap.logging.agent
@@ -1,6 +1,6 @@
 apiVersion: v1
 data:
-  level: info
+  level: debug
 kind: ConfigMap
 metadata:
   name: agent
`
	if err != nil || r.Text != want || !r.Differs() {
		t.Errorf("%v\n%s", err, r.Text)
	}
	m.Want = config(t, "info", "2")
	if r, err := New(Changes{Merged: []manifests.Merged{m}}); err != nil || r.Differs() {
		t.Errorf("nothing has changed: %v\n%s", err, r.Text)
	}
}

// What would be created has only lines that come, what would be pruned only lines that go; both are counted, and a
// conflict names whom it is with.
func TestCreatedPrunedAndConflicting(t *testing.T) {
	agent := config(t, "info", "1")
	r, err := New(Changes{
		Merged: []manifests.Merged{{Object: manifests.IDOf(agent), Want: agent, Unasked: true,
			Conflict: errors.New("ConfigMap logging/agent: belongs to helm")}},
		Prunes: []*unstructured.Unstructured{agent},
		Kept:   []manifests.Kept{{Entry: manifests.Entry{ID: manifests.IDOf(agent)}, Reason: "is annotated"}},
	})
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{"conflict: ConfigMap logging/agent: belongs to helm", "would be kept: is annotated",
		"1 object would be created, 0 changed, 1 pruned", "as the commit has it"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in\n%s", want, notes)
		}
	}
	if err != nil || strings.Count(r.Text, "\n@@ -0,0 +1,7 @@\n+") != 1 || strings.Count(r.Text, "\n@@ -1,7 +0,0 @@\n-") != 1 {
		t.Errorf("%v\n%s", err, r.Text)
	}
}

// Between two commits all kinds of objects are compared: what is new, what differs and what is gone, in the order in which
// they are written. A Secret shows which keys differ, and no value, whether it comes, changes or goes, and not where a
// field of it is misspelt either.
func TestTwoCommitsAreComparedWithoutSecrets(t *testing.T) {
	secret := func(name, value string) string {
		return `{apiVersion: v1, kind: Secret, metadata: {name: ` + name + `, annotations: {note: hidden-a` + value + `}, notes: hidden-b` + value + `},
  stringData: {same: hidden-c, differs: hidden-d` + value + `}, data: {deep: {er: hidden-e` + value + `}, bad key hidden-g: x` + value + `}, strinData: {typo: hidden-f` + value + `}}`
	}
	set := func(texts ...string) manifests.Set {
		t.Helper()
		var objects []*unstructured.Unstructured
		for _, text := range texts {
			objects = append(objects, parsed(t, text))
		}
		s, err := manifests.NewSet(objects)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	role := `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: agent}, rules: []}`
	config := func(level string) string {
		return `{apiVersion: v1, kind: ConfigMap, data: {level: ` + level + `}, metadata: {name: agent, namespace: logging}}`
	}
	objects, err := Sets(set(secret("changes", "1"), secret("goes", "1"), config("info"), role),
		set(secret("changes", "2"), secret("comes", "1"), config("debug"), role))
	if err != nil {
		t.Fatal(err)
	}
	var names, text string
	for _, o := range objects {
		names += o.ID.Kind + " " + o.ID.Name + ", "
		text += o.Text
	}
	if names != "ConfigMap agent, Secret changes, Secret comes, Secret goes, " {
		t.Errorf("what differs is %s", names)
	}
	for _, want := range []string{"+  level: debug", "-  level: info", "-  differs: '*** (before)'", "+  differs: '*** (after)'",
		"   same: '***'", "+++ COMMIT/v1.Secret.comes"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "hidden") {
		t.Errorf("a value is in\n%s", text)
	}
}
