package manifests

import (
	"fmt"
	"maps"
	"math/rand"
	"runtime"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// object parses one YAML document.
func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

// objects parses YAML documents.
func objects(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, document := range strings.Split(text, "\n---\n") {
		all = append(all, object(t, document))
	}
	return all
}

// set makes a set of YAML documents.
func set(t testing.TB, text string) Set {
	t.Helper()
	s, err := NewSet(objects(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const fleet = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: platform}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: agent:1}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: agent}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: agent, namespace: platform}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: agent}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
---
apiVersion: agents.example.com/v1
kind: Route
metadata: {name: logs, namespace: platform}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: platform}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: routes.agents.example.com}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: agent}
---
apiVersion: v1
kind: Namespace
metadata: {name: platform}`

// Whatever files objects come from, everything is written after what it needs.
func TestSetIsInTheOrderInWhichObjectsNeedEachOther(t *testing.T) {
	want := []string{
		"Namespace platform",
		"CustomResourceDefinition routes.agents.example.com",
		"PriorityClass agent",
		"ServiceAccount platform/agent",
		"ConfigMap platform/agent",
		"ClusterRole agent",
		"ClusterRoleBinding agent",
		"Route platform/logs",
		"DaemonSet platform/agent",
		"ValidatingWebhookConfiguration agent",
	}
	given := objects(t, fleet)
	for seed := range int64(20) {
		rand.New(rand.NewSource(seed)).Shuffle(len(given), func(i, j int) { given[i], given[j] = given[j], given[i] })
		s, err := NewSet(given)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, id := range s.IDs() {
			got = append(got, id.String())
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// The digest is the same for the same set in any order, and another one for any change that would be applied.
func TestDigestChangesWithTheSetAndWithNothingElse(t *testing.T) {
	given := objects(t, fleet)
	before, err := NewSet(given)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(given)
	given[0].SetAnnotations(map[string]string{OriginAnnotation: "base/namespace.yaml"})
	given[0].SetResourceVersion("41")
	turned, err := NewSet(given)
	if err != nil {
		t.Fatal(err)
	}
	if before.Digest() != turned.Digest() {
		t.Error("order, origin or resourceVersion changed the digest")
	}
	changed, err := NewSet(objects(t, strings.Replace(fleet, "agent:1", "agent:2", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if before.Digest() == changed.Digest() {
		t.Error("another image did not change the digest")
	}
}

// A set is a copy: what its maker does to the objects later does not reach it, and neither does the other way round.
func TestSetCopiesItsObjects(t *testing.T) {
	given := objects(t, fleet)
	s, err := NewSet(given)
	if err != nil {
		t.Fatal(err)
	}
	digest := s.Digest()
	for _, o := range given {
		o.SetName("changed")
	}
	if s.Digest() != digest {
		t.Error("the set changed with the objects it was made of")
	}
}

// What cannot be applied is refused with the object's name and file, all of it at once.
func TestBadObjectsAreAllNamed(t *testing.T) {
	bad := objects(t, `
kind: ConfigMap
metadata: {name: nameless-version, annotations: {daemongate.io/origin: a.yaml}}
---
apiVersion: v1
metadata: {name: kindless}
---
apiVersion: v1
kind: Secret
metadata: {annotations: {daemongate.io/origin: b.yaml}}
---
apiVersion: batch/v1
kind: Job
metadata: {generateName: job-}
---
apiVersion: v1
kind: List
items: []
---
apiVersion: v1
kind: ConfigMap
metadata: {name: twice, annotations: {daemongate.io/origin: c.yaml}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: twice, annotations: {daemongate.io/origin: d.yaml}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: typed}
spec: {template: {spec: {containers: [{name: 7}]}}}`)
	_, err := NewSet(append(bad, nil, &unstructured.Unstructured{}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`object 1 (a.yaml): kind "ConfigMap", name "nameless-version": has no apiVersion`,
		`object 2: apiVersion "v1", name "kindless": has no kind`,
		`object 3 (b.yaml): Secret: has no metadata.name`,
		`object 4: Job: has generateName only`,
		`object 5: is a List`,
		`ConfigMap twice (d.yaml): is in the set twice, first in c.yaml`,
		`DaemonSet typed: is not a DaemonSet as the API knows it`,
		`object 9: is empty`,
		`object 10: is empty`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

// The rollout's judges get the DaemonSets typed; workloads are what runs pods.
func TestWorkloadsAndDaemonSets(t *testing.T) {
	s := set(t, fleet)
	if ds := s.DaemonSets(); len(ds) != 1 || ds[0].Spec.Template.Spec.Containers[0].Image != "agent:1" {
		t.Errorf("DaemonSets: %v", ds)
	}
	if w := s.Workloads(); len(w) != 1 || w[0].GetName() != "agent" || w[0].GetKind() != "DaemonSet" {
		t.Errorf("workloads: %v", w)
	}
}

// Two Syncs never share a label, also where a label is too short for their names, or where they are of the same name in
// two clusters that write to one; and no label is refused for its form.
func TestOwnerLabel(t *testing.T) {
	long := strings.Repeat("a", 62)
	labels := map[string]Owner{}
	for _, o := range []Owner{
		{"platform", "agents", ""}, {"platform", "agents.v2", ""}, {"platform", long, ""}, {"platform", long + "b", ""},
		{"platform", long + "c", ""}, {"platform", "agents", "01234567"}, {"platform", "agents", "89abcdef"},
		{"platform", "agents.01234567", ""}, {"platform", long, "01234567"}, {"platform", long, "89abcdef"},
		{strings.Repeat("n", 63), "x", ""}, {"ns", strings.Repeat("a", 42) + "." + strings.Repeat("b", 60), ""},
	} {
		value := o.Label()
		if other, taken := labels[value]; taken {
			t.Errorf("%v and %v share the label %s", o, other, value)
		}
		labels[value] = o
		if len(value) > 63 || len(validation.IsValidLabelValue(value)) > 0 {
			t.Errorf("%v: label %q is not valid", o, value)
		}
	}
	if got := (Owner{Namespace: "platform", Name: "agents"}).Label(); got != "platform.agents" {
		t.Errorf("label %q", got)
	}
	if got := ownerOf("platform.agents.v2"); got != "platform/agents.v2" {
		t.Errorf("owner %q", got)
	}
	if got := ownerOf("platform.agents_01234567"); got != "platform/agents of cluster 01234567" {
		t.Errorf("owner %q", got)
	}
}

// What belongs to a Sync of another cluster cannot be moved by an annotation, which names a Sync of the same one: that is
// not advised.
func TestOnlyWithinAClusterIsMovingAdvised(t *testing.T) {
	live := &unstructured.Unstructured{Object: map[string]any{}}
	theirs := Owner{Namespace: "fleet", Name: "other", Home: "01234567"}
	live.SetLabels(map[string]string{OwnerLabel: theirs.Label()})
	for home, advised := range map[string]bool{"01234567": true, "89abcdef": false, "": false} {
		err := mayWrite(ID{Kind: "ConfigMap", Name: "a"}, live, Owner{Namespace: "fleet", Name: "agents", Home: home})
		if err == nil || strings.Contains(err.Error(), MoveAnnotation+": fleet/agents") != advised ||
			!strings.Contains(err.Error(), "remove it there") {
			t.Errorf("from cluster %q: %v", home, err)
		}
	}
}

// A packed set is the same set when it is unpacked, and what it leaves of an inventory is known without that.
func TestAPackedSetIsTheSameSet(t *testing.T) {
	for name, s := range map[string]Set{
		"a fleet": set(t, fleet),
		"numbers and texts": set(t, `
apiVersion: example.com/v1
kind: Widget
metadata: {name: w, namespace: platform, annotations: {note: "<&> ü \u2028"}}
spec: {whole: 3, large: 9007199254740993, part: 0.1, negative: -1, none: null, yes: true, list: [1, a, {b: [2.5]}]}`),
		"nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			s.moved = map[ID]Owner{{Kind: "ConfigMap", Namespace: "platform", Name: "moved"}: {Namespace: "platform", Name: "other"}}
			s.sums = &sums{}
			packed := must(s.Packed())
			again := must(packed.Set())
			if again.Digest() != s.Digest() || !maps.Equal(again.Sums(), s.Sums()) || !slices.Equal(again.IDs(), s.IDs()) ||
				!maps.Equal(again.moved, s.moved) || !equality.Semantic.DeepEqual(again.DaemonSets(), s.DaemonSets()) {
				t.Errorf("unpacked it is %v, and was %v", again, s)
			}
			inventory := append(s.Inventory(), Entry{ID: ID{Kind: "ConfigMap", Namespace: "platform", Name: "moved"}},
				Entry{ID: ID{Kind: "ConfigMap", Namespace: "platform", Name: "gone"}}).sorted()
			if unneeded := packed.Unneeded(inventory); len(unneeded) != 1 || !slices.Equal(unneeded, inventory.Without(s)) {
				t.Errorf("unneeded: %v, and not %v", unneeded, inventory.Without(s))
			}
			packed.digest = "of another one"
			if _, err := packed.Set(); err == nil {
				t.Error("a set that is another one than was packed is unpacked")
			}
		})
	}
}

// BenchmarkPackedSet is the memory that a set of ten ConfigMaps takes, and packed.
func BenchmarkPackedSet(b *testing.B) {
	const sets = 200
	made := make([]Set, sets)
	packed := make([]*Packed, sets)
	var whole, short float64
	for b.Loop() {
		clear(made)
		clear(packed)
		before := heapInUse()
		for i := range made {
			var all []*unstructured.Unstructured
			for n := range 10 {
				all = append(all, object(b, fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s%04d-map-%d, namespace: "+
					"tenant-%03d, labels: {app: scale}}\ndata: {value: all, text: %q}\n", i, n, i/20, strings.Repeat("some text of a configuration ", 8))))
			}
			made[i] = must(NewSet(all))
			_ = made[i].Digest()
		}
		whole += (heapInUse() - before) / sets / 1000
		for i, s := range made {
			packed[i], made[i] = must(s.Packed()), Set{}
		}
		short += (heapInUse() - before) / sets / 1000
	}
	runtime.KeepAlive(packed)
	b.ReportMetric(whole/float64(b.N), "KB/set")
	b.ReportMetric(short/float64(b.N), "KB/packed-set")
}

// heapInUse is how many bytes objects take. What waits in a pool to be used again is gone after two collections.
func heapInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
