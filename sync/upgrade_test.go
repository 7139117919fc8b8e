package sync

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A status that an earlier version wrote, in a rollout with a commit that waits and of a stuck commit, is understood whole.
func TestAnEarlierStatusIsUnderstood(t *testing.T) {
	for name, state := range map[string]api.CommitState{"rolling-out": api.RollingOut, "stuck": api.Stuck} {
		decoder := json.NewDecoder(bytes.NewReader(must(os.ReadFile(filepath.Join("testdata/earlier", name+".json")))))
		decoder.DisallowUnknownFields()
		var s api.SyncStatus
		if err := decoder.Decode(&s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f := s.InFlight; f == nil || f.State != state || len(f.Workloads) != 1 || f.Workloads[0].Generation == 0 ||
			f.Workloads[0].UID == "" || f.Digest == "" || len(s.Inventory) != 3 || len(s.History) < 2 {
			t.Errorf("%s: %+v", name, s)
		}
		if name == "rolling-out" && (s.Held.Count != 1 || len(s.Held.Commits) != 1) {
			t.Errorf("held: %+v", s.Held)
		}
	}
}

// Versions understand each other's status: every field that an earlier version writes and reads is there still, of the
// same kind and with the same words, and what is new may be missing, since an earlier version leaves it out.
func TestEarlierVersionsUnderstandTheStatus(t *testing.T) {
	earlier := earlierSchema(t)
	var compare func(path string, old, now map[string]any)
	compare = func(path string, old, now map[string]any) {
		for _, key := range []string{"type", "format", "enum", "x-kubernetes-preserve-unknown-fields"} {
			if !reflect.DeepEqual(old[key], now[key]) {
				t.Errorf("%s: %s was %v and is %v", path, key, old[key], now[key])
			}
		}
		was := map[any]bool{}
		for _, name := range asSlice(old["required"]) {
			was[name] = true
		}
		for _, name := range asSlice(now["required"]) {
			if !was[name] {
				t.Errorf("%s.%s is required, and was not: an earlier version does not write it", path, name)
			}
		}
		before, after := asMap(old["properties"]), asMap(now["properties"])
		for name := range before {
			if after[name] == nil {
				t.Errorf("%s.%s is no longer there", path, name)
				continue
			}
			compare(path+"."+name, asMap(before[name]), asMap(after[name]))
		}
		if old["items"] != nil {
			compare(path+"[]", asMap(old["items"]), asMap(now["items"]))
		}
	}
	crd := must(install.CRD())[0]
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil || len(versions) != 1 {
		t.Fatal(versions, err)
	}
	now, found, err := unstructured.NestedMap(asMap(versions[0]), "schema", "openAPIV3Schema", "properties", "status")
	if err != nil || !found {
		t.Fatal(err)
	}
	compare("status", earlier, now)
}

// An earlier version takes over in the middle of a rollout and writes what it knows of the status, and this version takes
// over from it. The rollout goes on where it was: nothing is applied a second time, and no commit is forgotten.
func TestARolloutOutlastsTheUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "keep.yaml": configMap("keep", "1")})
	w.create(func(spec *api.SyncSpec) { spec.Rollout.After = map[string]api.Span{"ConfigError": "20m"} })
	stop := w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	// It cannot end before the ConfigMap is there.
	v2 := w.push("v2", map[string]string{"agent.yaml": strings.Replace(small("v2"), "args: []",
		"envFrom: [{configMapRef: {name: go}}]", 1)})
	w.waitFor(v2, api.RollingOut)
	stop()

	before := w.status()
	w.writesEarlier()
	if s := w.status(); s.InFlight.Commit != v2 || s.InFlight.Digest != before.InFlight.Digest ||
		!reflect.DeepEqual(s.InFlight.Workloads[0].UID, before.InFlight.Workloads[0].UID) || s.LastComplete != v1 {
		t.Fatalf("the earlier version knows of %+v", s.InFlight)
	}
	w.controller(shared.Config, t.TempDir()) // on another node: its mirrors are new
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "go"}}, metav1.CreateOptions{})
	w.check(err)
	w.waitFor(v2, api.Complete)
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	if d.Generation != 2 {
		t.Errorf("the DaemonSet has generation %d after two commits", d.Generation)
	}
	s := w.status()
	for commit, want := range map[string]api.CommitState{v1: api.Complete, v2: api.Complete} {
		if r := recordOf(s, commit); r == nil || r.State != want {
			t.Errorf("%s is %+v", api.Short(commit), r)
		}
	}
}

func recordOf(s api.SyncStatus, commit string) *api.Record {
	for i := range s.History {
		if s.History[i].Commit == commit {
			return &s.History[i]
		}
	}
	return nil
}

// writesEarlier writes the status as an earlier version reads and writes it: what it does not know is gone.
func (w *world) writesEarlier() {
	w.t.Helper()
	syncs := w.client.Resource(api.Resource).Namespace(w.namespace)
	u, err := syncs.Get(w.t.Context(), "agents", metav1.GetOptions{})
	w.check(err)
	u.Object["status"] = known(u.Object["status"], earlierSchema(w.t))
	_, err = syncs.UpdateStatus(w.t.Context(), u, metav1.UpdateOptions{})
	w.check(err)
}

// known is what a schema knows of a value.
func known(value any, schema map[string]any) any {
	switch v := value.(type) {
	case map[string]any:
		if schema["properties"] == nil {
			return v
		}
		all := map[string]any{}
		for name, inner := range asMap(schema["properties"]) {
			if v[name] != nil {
				all[name] = known(v[name], asMap(inner))
			}
		}
		return all
	case []any:
		for i := range v {
			v[i] = known(v[i], asMap(schema["items"]))
		}
	}
	return value
}

func earlierSchema(t testing.TB) (schema map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal(must(os.ReadFile("testdata/earlier/schema.yaml")), &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }

func asSlice(v any) []any { s, _ := v.([]any); return s }
