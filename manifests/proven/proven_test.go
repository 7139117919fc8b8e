package proven

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
)

// Cost follows the change: of a set of which one object changes, that one is dry-run and applied, and of all the others
// one list of metadata says each time that nobody has written them.
func TestOneOfManyCostsFourRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(w.set(configMaps(100, "v1", nil)...))
	next := w.set(configMaps(100, "v1", map[int]string{42: "v2"})...)
	made := w.counted.during(func() {
		applied, left := w.commit(next)
		if len(applied) != 1 || !applied[0].Changed || applied[0].Name != "cm0042" || len(left) != 99 {
			t.Errorf("applied %v and left %d alone", applied, len(left))
		}
	})
	if want := []string{"apply", "dry run", "list", "list"}; !slices.Equal(made, want) {
		t.Errorf("requests %q, want %q", made, want)
	}
	if now := w.value("cm0042"); now != "v2" {
		t.Errorf("the object that changed has %q", now)
	}
}

// What is waited for, and what runs pods, costs no more: one list has all of a kind as they are, and says that nobody has
// written more of them than their status. It is returned as if it had been applied. What of it somebody has edited is
// applied.
func TestWhatIsWaitedForIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := func(value string) manifests.Set {
		all := configMaps(3, value, nil)
		for i := range 4 {
			all = append(all, workload("DaemonSet", fmt.Sprint("d", i)), workload("Deployment", fmt.Sprint("d", i)))
		}
		return w.set(all...)
	}
	w.commit(objects("v1"))
	deployments := kinds["Deployment"].resource
	told := func(name string) {
		must(w.others.Resource(deployments).Namespace(w.ns).Patch(w.ctx, name, types.MergePatchType,
			[]byte(`{"status":{"conditions":[{"type":"Told","status":"True"}]}}`), metav1.PatchOptions{}, "status"))(t)
	}
	told("d1")
	made := w.counted.during(func() {
		applied, left := w.commit(objects("v2"))
		if len(applied) != 11 || len(left) > 0 {
			t.Errorf("applied %v and left %v alone", applied, left)
		}
		for _, a := range applied {
			_, isTold := manifests.ConditionOf(a.Object, "Told")
			if a.Changed != (a.Kind == "ConfigMap") || a.Kind == "Deployment" && isTold != (a.Name == "d1") {
				t.Errorf("%s: said to be changed: %t, as it is now: %t", a, a.Changed, isTold)
			}
		}
	})
	want := []string{"apply", "apply", "apply", "dry run", "dry run", "dry run", "list", "list", "list", "list"}
	if !slices.Equal(made, want) {
		t.Errorf("requests %q, want %q", made, want)
	}
	told("d2")
	w.by("kubectl-edit", deployments, "d1", `{"spec":{"template":{"metadata":{"annotations":{"key":"edited"}}}}}`)
	w.by("kubectl-scale", deployments, "d3", `{"spec":{"replicas":3}}`) // of which the set says nothing
	applied, _ := w.commit(objects("v3"))
	for _, a := range applied {
		if a.Kind != "ConfigMap" && a.Changed != (a.Name == "d1" && a.Kind == "Deployment") {
			t.Errorf("%s: said to be changed: %t", a, a.Changed)
		}
	}
	d1 := must(w.others.Resource(deployments).Namespace(w.ns).Get(w.ctx, "d1", metav1.GetOptions{}))(t)
	if key, _, _ := unstructured.NestedString(d1.Object, kinds["Deployment"].path...); key != "v1" {
		t.Errorf("d1 has %q", key)
	}
}

// So it is if nothing but a value tells of the change: another process of ours has applied the object in the same second.
func TestAChangeByAnotherOfUsIsNotSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	as := func(value string) manifests.Set {
		o := workload("DaemonSet", "d")
		must(0, unstructured.SetNestedField(o.Object, value, kinds["DaemonSet"].path...))(t)
		return w.set(o)
	}
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // managedFields have whole seconds
	w.commit(as("v1"))
	must(w.client.Apply(w.ctx, as("v0"), w.options))(t)
	applied, _ := w.commit(as("v1"))
	if len(applied) != 1 || !applied[0].Changed {
		t.Errorf("applied %v", applied)
	}
}

// workload is an object that runs pods.
func workload(kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(kinds[kind].object), &o.Object); err != nil {
		panic(err)
	}
	o.SetKind(kind)
	o.SetName(name)
	_ = unstructured.SetNestedField(o.Object, "v1", kinds[kind].path...)
	return o
}

// An object that changes costs a dry run and an apply: what our own last apply has left is not read before.
func TestAChangedObjectCostsTwoRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(w.set(configMaps(10, "v1", nil)...))
	made := w.counted.during(func() { w.commit(w.set(configMaps(10, "v2", nil)...)) })
	if len(made) != 20 || slices.Contains(made, "get") || slices.Contains(made, "list") {
		t.Errorf("requests %q", made)
	}
}

// What is not there is neither read before it is asked about nor before it is created. One read for each kind in each
// namespace tells whether there may be any, and is not made again.
func TestANewObjectCostsTwoRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set(append(configMaps(10, "v1", nil), workload("DaemonSet", "a"), workload("DaemonSet", "b"))...)
	if made := tallied(w.counted.during(func() { w.commit(set) })); made != "12 apply, 12 dry run, 2 get" {
		t.Errorf("requests %s", made)
	}
	w.memory = &Memory{}
	set = w.set(configMap("one", "v1"))
	if made := tallied(w.counted.during(func() { w.commit(set) })); made != "1 apply, 1 dry run" {
		t.Errorf("a second time %s", made)
	}
}

// So it is in a namespace that the set brings, of which nothing can be asked about where it will be: each object is
// asked about elsewhere.
func TestANewObjectInANewNamespaceCostsThreeRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := configMaps(10, "v1", nil)
	for _, o := range objects {
		o.SetNamespace(w.ns + "-new")
	}
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(w.ns + "-new")
	set := w.set(append(objects, namespace)...)
	made := tallied(w.counted.during(func() { w.commit(set) }))
	if made != "11 apply, 21 dry run, 2 get" {
		t.Errorf("requests %s", made)
	}
}

// Where one object is there already, the others of its kind in its namespace are looked at first, as those are that the
// Sync has written and of which nothing is proven: that costs less than to be refused.
func TestWhatIsThereIsLookedAtFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set(configMaps(100, "v1", nil)...)
	w.commit(set)
	w.memory = &Memory{}
	made := w.counted.during(func() { w.commit(set) })
	if len(made) < 401 || len(made) > 440 { // those under way when the first is refused are refused, too
		t.Errorf("requests %s", tallied(made))
	}
	w.memory, w.options.Inventory = &Memory{}, set.Inventory()
	if made := tallied(w.counted.during(func() { w.commit(set) })); made != "100 apply, 100 dry run, 200 get" {
		t.Errorf("requests %s", made)
	}
}

// What was found not to be there serves one apply: whoever applies again, after trouble, looks.
func TestWhatWasFoundServesOneApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set(configMaps(2, "v1", nil)...)
	memory := w.memory.For("", time.Now())
	must(memory.Preview(w.ctx, w.client, set, w.options))(t)
	trouble := w.options
	trouble.May = func() error { return errors.New("not now") }
	if _, _, err := memory.Apply(w.ctx, w.client, set, trouble); err == nil {
		t.Fatal("it was applied")
	}
	made := tallied(w.counted.during(func() {
		applied, _, err := memory.Apply(w.ctx, w.client, set, w.options)
		if err != nil || len(applied) != 2 || !applied[0].Created {
			t.Errorf("applied %v: %v", applied, err)
		}
	}))
	if made != "2 apply, 2 get" {
		t.Errorf("requests %s", made)
	}
}

// beside is a writer of which something else is done while it asks about a set.
type beside struct {
	Writer
	do func()
}

func (b beside) Preview(ctx context.Context, set manifests.Set, o manifests.Options) ([]*unstructured.Unstructured,
	error) {
	answers, err := b.Writer.Preview(ctx, set, o)
	b.do()
	return answers, err
}

// What a set was found to lack while another one was applied may have been made by that: it is looked at.
func TestWhatIsAppliedMeanwhileIsLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, next := w.set(configMaps(2, "v1", nil)...), w.set(configMaps(2, "v2", nil)...)
	memory := w.memory.For("", time.Now())
	must(memory.Preview(w.ctx, beside{w.client, func() {
		if _, _, err := memory.Apply(w.ctx, w.client, first, w.options); err != nil {
			t.Error(err)
		}
		memory.states = nil // as if that had ended otherwise
	}}, next, w.options))(t)
	if applied, _, err := memory.Apply(w.ctx, w.client, next, w.options); err != nil || len(applied) != 2 {
		t.Errorf("applied %v: %v", applied, err)
	}
}

// tallied says how many there are of each.
func tallied(verbs []string) string {
	counts := map[string]int{}
	for _, verb := range verbs {
		counts[verb]++
	}
	var list []string
	for _, verb := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprint(counts[verb], " ", verb))
	}
	return strings.Join(list, ", ")
}

// Law 16: what somebody changed behind our back is not believed to be unchanged, although they did so in the second in
// which it was applied, and no watch can have told of it yet.
func TestAnObjectChangedInTheSameSecondIsNotSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := configMaps(5, "v1", nil)
	for round := range 5 {
		set := w.set(append(objects, configMap("news", time.Now().String()))...)
		w.commit(set)
		w.by("kubectl-edit", configMapResource, "cm0003", `{"data":{"key":"edited"}}`)
		applied, left := w.commit(set)
		if now := w.value("cm0003"); now != "v1" || len(applied) != 1 || len(left) != 5 {
			t.Errorf("round %d: cm0003 has %q, applied %v and left %d alone", round, now, applied, len(left))
		}
	}
}

// Law 16: so it is if nothing but the resourceVersion tells of the change: whoever made it had applied the object before,
// in the same second.
func TestAChangeByWhoWasThereBeforeIsNotSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set(configMaps(5, "v1", nil)...)
	w.commit(set)
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // managedFields have whole seconds
	w.applyBy("kubectl", configMap("cm0003", "other"))
	w.applyBy("kubectl", configMap("cm0003", "v1"))
	w.commit(set)
	w.applyBy("kubectl", configMap("cm0003", "edited"))
	applied, left := w.commit(set)
	if now := w.value("cm0003"); now != "v1" || len(applied) != 1 || len(left) != 4 {
		t.Errorf("cm0003 has %q, applied %v and left %d alone", now, applied, len(left))
	}
}

// The proof is as young as the apply: what was as asked when the commit was prepared, and is not any more, is applied.
func TestAnObjectChangedAfterThePreparationIsNotSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(w.set(configMaps(5, "v1", nil)...))
	next := w.set(configMaps(5, "v1", map[int]string{0: "v2"})...)
	memory := w.memory.For("", time.Now())
	must(memory.Preview(w.ctx, w.client, next, w.options))(t)
	w.by("kubectl-edit", configMapResource, "cm0001", `{"data":{"key":"edited"}}`)
	w.by("kubectl-edit", configMapResource, "cm0000", `{"data":{"key":"edited"}}`)
	applied, left, err := memory.Apply(w.ctx, w.client, next, w.options)
	if err != nil || len(applied) != 2 || len(left) != 3 {
		t.Errorf("applied %v, left %v: %v", applied, left, err)
	}
	if a, b := w.value("cm0000"), w.value("cm0001"); a != "v2" || b != "v1" {
		t.Errorf("cm0000 has %q and cm0001 %q", a, b)
	}
}

// After a restart a comparison proves of an object that an apply would leave it alone: not only its values, but who
// manages them, too. A field that somebody has changed, and changed back, is theirs until the next apply takes it again.
func TestAComparisonIsNoProofOfAFieldThatIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set(configMaps(5, "v1", nil)...)
	w.commit(set)
	w.by("kubectl-edit", configMapResource, "cm0003", `{"data":{"key":"edited"}}`)
	w.by("kubectl-edit", configMapResource, "cm0003", `{"data":{"key":"v1"}}`)
	w.memory = &Memory{}
	drifts, found, err := w.client.Compare(w.ctx, set, w.options)
	if err != nil || len(drifts) != 0 || len(found) != 5 {
		t.Fatalf("drifts %v, as asked %v: %v", drifts, found, err)
	}
	w.memory.For("", time.Now()).Compared(set, found)
	if applied, left := w.commit(set); len(applied) != 1 || applied[0].Name != "cm0003" || len(left) != 4 {
		t.Errorf("applied %v and left %v alone", applied, left)
	}
	if managers := w.managersOf("cm0003", "f:key"); !slices.Contains(managers, manifests.FieldManager) {
		t.Errorf("the field is managed by %q", managers)
	}
}

// What another account was allowed proves nothing, and neither does what is a day old: all is asked about and applied.
func TestProofsEnd(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := (&Memory{}).For("deployer", now)
	m.states = filled()
	if m.For("deployer", now.Add(23*time.Hour)); len(m.states) == 0 {
		t.Error("a proof is gone before its time")
	}
	if m.For("deployer", now.Add(24*time.Hour)); len(m.states) != 0 {
		t.Error("a proof is a day old")
	}
	m.states = filled()
	if m.For("other", now.Add(25*time.Hour)); len(m.states) != 0 {
		t.Error("a proof is another account's")
	}
	m.states = filled()
	if m.For("other", now); len(m.states) != 0 {
		t.Error("a proof is dated after the present")
	}
	m.states = filled()
	if m.Forget(); len(m.states) != 0 {
		t.Error("a proof was not forgotten")
	}
}

func filled() map[manifests.ID]state {
	return map[manifests.ID]state{{Kind: "ConfigMap", Name: "a"}: {}}
}

// What another process has applied is proven of those objects that are seen as it left them: then a commit costs what it
// changes. What somebody has edited since is applied again, and so is all of it when the apply was a day ago.
func TestWhatAnotherProcessHasAppliedIsProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.set(configMaps(10, "v1", nil)...)
	applied, _ := w.commit(before)
	left := manifests.Known{}
	for _, a := range applied {
		left[a.ID] = manifests.VersionOf(a.Object)
	}
	recall := func(since time.Time) {
		w.memory = &Memory{}
		w.memory.For("", time.Now())
		w.memory.Recall(w.ctx, w.client, before, left, w.options, since)
	}
	recall(time.Now())
	next := configMaps(10, "v1", map[int]string{4: "v2"})
	made := w.counted.during(func() { w.commit(w.set(next...)) })
	if want := []string{"apply", "dry run", "list", "list"}; !slices.Equal(made, want) {
		t.Errorf("requests %q, want %q", made, want)
	}
	before = w.set(next...)
	w.by("kubectl-edit", configMapResource, "cm0007", `{"data":{"key":"edited"}}`)
	recall(time.Now()) // cm0004 and cm0007 are otherwise than they were left
	applied, alone := w.commit(before)
	if now := w.value("cm0007"); now != "v1" || len(applied) != 2 || len(alone) != 8 {
		t.Errorf("cm0007 has %q, applied %d and left %d alone", now, len(applied), len(alone))
	}
	recall(time.Now().Add(-24 * time.Hour))
	if applied, alone := w.commit(before); len(applied) != 10 || len(alone) > 0 {
		t.Errorf("after a day: applied %d and left %d alone", len(applied), len(alone))
	}
}
