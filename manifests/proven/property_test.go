package proven

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
)

// Whatever commits ask for, whenever Daemongate is started again, and whatever others write, make, delete and make anew
// before a commit is prepared and between its preparation and its apply: the cluster is as if everything had been asked
// about and applied, and the same is said of it. What is left alone is what the full way does not change.
func TestTheResultIsThatOfTheFullWay(t *testing.T) {
	seeds := 2
	if os.Getenv("DAEMONGATE_TEST_ALL") != "" {
		seeds = 40
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := pair{proven: newWorld(t), full: newWorld(t), t: t, random: rand.New(rand.NewPCG(uint64(seed), 14)),
				values: map[string]string{}}
			left := 0
			for range 12 {
				left += p.round()
			}
			if left < 5 {
				t.Errorf("only %d objects were left alone in all: the story tells little", left)
			}
		})
	}
}

// pair are two namespaces in which the same is asked for, and the same is done by others.
type pair struct {
	t            *testing.T
	proven, full *world
	random       *rand.Rand
	values       map[string]string // what is asked for
	last         manifests.Set     // that was applied
	history      []string
}

var kinds = map[string]struct {
	resource schema.GroupVersionResource
	object   string
	path     []string // of what a commit changes
}{
	"ConfigMap": {configMapResource, `{"apiVersion":"v1","data":{"other":"as ever"}}`, []string{"data", "key"}},
	"Secret": {schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, `{"apiVersion":"v1"}`,
		[]string{"stringData", "key"}},
	"ServiceAccount": {schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, `{"apiVersion":"v1"}`,
		[]string{"metadata", "annotations", "key"}},
	"Service": {schema.GroupVersionResource{Version: "v1", Resource: "services"},
		`{"apiVersion":"v1","spec":{"ports":[{"port":80}]}}`, []string{"spec", "selector", "key"}},
	"DaemonSet": {schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"},
		`{"apiVersion":"apps/v1","spec":{"selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":
		{"app":"a"}},"spec":{"nodeSelector":{"no":"node"},"containers":[{"name":"a","image":"a"}]}}}}`,
		[]string{"spec", "template", "metadata", "annotations", "key"}},
	"Deployment": {schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
		`{"apiVersion":"apps/v1","spec":{"selector":{"matchLabels":{"app":"d"}},"template":{"metadata":{"labels":
		{"app":"d"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}`,
		[]string{"spec", "template", "metadata", "annotations", "key"}},
}

// names are those of all objects there may be: kind and name.
var names = []string{"ConfigMap a", "ConfigMap b", "ConfigMap c", "ConfigMap d", "ConfigMap e", "Secret a", "Secret b",
	"ServiceAccount a", "Service a", "DaemonSet a", "DaemonSet b", "Deployment a", "Deployment b"}

// objects are what is asked for.
func (p *pair) objects() (list []*unstructured.Unstructured) {
	for _, id := range slices.Sorted(maps.Keys(p.values)) {
		kind, name, _ := strings.Cut(id, " ")
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(kinds[kind].object), &o.Object); err != nil {
			p.t.Fatal(err)
		}
		o.SetKind(kind)
		o.SetName(name)
		must(0, unstructured.SetNestedField(o.Object, p.values[id], kinds[kind].path...))(p.t)
		list = append(list, o)
	}
	return list
}

// round is a commit, with what others do meanwhile. It returns how many objects were left alone.
func (p *pair) round() int {
	p.history = append(p.history, "commit")
	for _, id := range names {
		switch p.random.IntN(12) {
		case 0:
			delete(p.values, id)
		case 1, 2:
			p.values[id] = fmt.Sprint("v", p.random.IntN(3))
		}
	}
	p.others(p.random.IntN(3))
	a, b := p.proven, p.full
	memory := a.memory.For("", time.Now())
	if p.last.Len() > 0 && p.random.IntN(3) == 0 { // a restart
		p.history = append(p.history, "restart")
		memory.Forget()
		_, found, _ := a.client.Compare(a.ctx, p.last, a.options) // what cannot be compared is not found to be as asked
		memory.Compared(p.last, found)
		p.others(p.random.IntN(2))
	}
	a.options.Inventory = nil // of which an object that is there need not be
	if p.random.IntN(2) == 0 {
		a.options.Inventory = p.last.Inventory()
	}
	setA, setB := a.set(p.objects()...), b.set(p.objects()...)
	_, errA := memory.Preview(a.ctx, a.client, setA, a.options)
	_, errB := b.client.Preview(b.ctx, setB, b.options)
	if p.same("preparing", said(errA, a), said(errB, b)); errB != nil {
		p.heal()
		return 0
	}
	p.others(p.random.IntN(2))
	p.last = setA
	appliedA, left, errA := memory.Apply(a.ctx, a.client, setA, a.options)
	appliedB, errB := b.client.Apply(b.ctx, setB, b.options)
	p.same("applying", said(errA, a), said(errB, b))
	p.same("what changed", changed(appliedA), changed(appliedB))
	for _, id := range names {
		p.same(id, a.state(id), b.state(id))
	}
	if errB != nil {
		p.heal()
	}
	return len(left)
}

// heal has others delete everything, so that nothing stands in the way of the next commit.
func (p *pair) heal() {
	for _, id := range names {
		p.both(id, func(w *world, r schema.GroupVersionResource, name string) error {
			return w.others.Resource(r).Namespace(w.ns).Delete(w.ctx, name, metav1.DeleteOptions{})
		})
	}
}

func (p *pair) both(id string, do func(w *world, r schema.GroupVersionResource, name string) error) {
	p.t.Helper()
	kind, name, _ := strings.Cut(id, " ")
	for _, w := range []*world{p.proven, p.full} {
		if err := do(w, kinds[kind].resource, name); err != nil && !apierrors.IsNotFound(err) {
			p.t.Fatalf("%v: %s: %v", p.history, id, err)
		}
	}
}

// others have some things done by other field managers, to both alike.
func (p *pair) others(times int) {
	for range times {
		id := names[p.random.IntN(len(names))]
		what := deeds[p.random.IntN(len(deeds))]
		p.history = append(p.history, what.name+" "+id)
		p.both(id, what.do)
	}
}

var deeds = []struct {
	name string
	do   func(w *world, r schema.GroupVersionResource, name string) error
}{
	{"edit", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.patch(r, name, "kubectl-edit", edited(r))
	}},
	{"edit as we would", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.patch(r, name, manifests.FieldManager, edited(r))
	}},
	{"add to", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.patch(r, name, "injector", `{"metadata":{"annotations":{"added":"by an injector"}}}`)
	}},
	{"tell of", func(w *world, r schema.GroupVersionResource, name string) error {
		if r.Group != "apps" {
			return nil
		}
		_, err := w.others.Resource(r).Namespace(w.ns).Patch(w.ctx, name, types.MergePatchType,
			fmt.Appendf(nil, `{"status":{"conditions":[{"type":"Told","status":"True","message":%q}]}}`, time.Now()),
			metav1.PatchOptions{FieldManager: "teller"}, "status")
		return err
	}},
	{"unlabel", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.patch(r, name, "kubectl-label", `{"metadata":{"labels":{"daemongate.io/sync":null}}}`)
	}},
	{"take over", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.patch(r, name, "somebody", `{"metadata":{"labels":{"daemongate.io/sync":"else.where"}}}`)
	}},
	{"fight over", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.patch(r, name, "operator", edited(r))
	}},
	{"delete", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.others.Resource(r).Namespace(w.ns).Delete(w.ctx, name, metav1.DeleteOptions{})
	}},
	{"be before us with", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.make(r, name, "kubectl-client-side-apply", "")
	}},
	{"own", func(w *world, r schema.GroupVersionResource, name string) error {
		return w.make(r, name, manifests.FieldManager, "else.where")
	}},
	{"make anew", func(w *world, r schema.GroupVersionResource, name string) error {
		o, err := w.others.Resource(r).Namespace(w.ns).Get(w.ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := w.others.Resource(r).Namespace(w.ns).Delete(w.ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		anew := &unstructured.Unstructured{Object: map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind()}}
		anew.SetName(name)
		anew.SetLabels(o.GetLabels())
		if spec, found := o.Object["spec"]; found && r.Group == "apps" {
			anew.Object["spec"] = spec
		}
		if o.GetKind() == "Service" {
			anew.Object["spec"] = map[string]any{"ports": []any{map[string]any{"port": int64(80)}}}
		}
		_, err = w.others.Resource(r).Namespace(w.ns).Create(w.ctx, anew,
			metav1.CreateOptions{FieldManager: "kubectl-create"})
		return err
	}},
}

// make has somebody make an object if it is not there, with the label of a Sync if that is not empty. Whoever is no
// Sync has another value in it than commits have.
func (w *world) make(r schema.GroupVersionResource, name, manager, sync string) error {
	for kind, k := range kinds {
		if k.resource != r {
			continue
		}
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(k.object), &o.Object); err != nil {
			return err
		}
		o.SetKind(kind)
		o.SetName(name)
		if sync != "" {
			o.SetLabels(map[string]string{manifests.OwnerLabel: sync})
		} else if err := unstructured.SetNestedField(o.Object, "theirs", k.path...); err != nil {
			return err
		}
		_, err := w.others.Resource(r).Namespace(w.ns).Create(w.ctx, o, metav1.CreateOptions{FieldManager: manager})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
	return fmt.Errorf("%s is none of the kinds", r)
}

// edited is a patch of what commits change of an object.
func edited(r schema.GroupVersionResource) string {
	switch r.Resource {
	case "configmaps":
		return `{"data":{"key":"edited"}}`
	case "secrets":
		return `{"stringData":{"key":"edited"}}`
	case "services":
		return `{"spec":{"selector":{"key":"edited"}}}`
	case "daemonsets", "deployments":
		return `{"spec":{"template":{"metadata":{"annotations":{"key":"edited"}}}}}`
	}
	return `{"metadata":{"annotations":{"key":"edited"}}}`
}

func (w *world) patch(r schema.GroupVersionResource, name, manager, patch string) error {
	_, err := w.others.Resource(r).Namespace(w.ns).Patch(w.ctx, name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: manager})
	return err
}

func (p *pair) same(what, proven, full string) {
	p.t.Helper()
	if proven != full {
		p.t.Fatalf("%q\n%s: with proofs\n%s\nwithout\n%s", p.history, what, proven, full)
	}
}

// said is an error, without what differs between namespaces.
func said(err error, w *world) string {
	if err == nil {
		return "fine"
	}
	return strings.ReplaceAll(err.Error(), w.ns, "NAMESPACE")
}

func changed(applied []manifests.Applied) string {
	var list []string
	for _, a := range applied {
		if a.Changed {
			list = append(list, fmt.Sprint(a.Kind, " ", a.Name, " created: ", a.Created))
		}
	}
	return strings.Join(list, "\n")
}

// state is an object without what the API server and controllers fill in, and without times.
func (w *world) state(id string) string {
	kind, name, _ := strings.Cut(id, " ")
	o, err := w.others.Resource(kinds[kind].resource).Namespace(w.ns).Get(w.ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "is not there"
	}
	if err != nil {
		w.t.Fatal(err)
	}
	entries := slices.DeleteFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Subresource == "status"
	})
	for i := range entries {
		entries[i].Time = nil
	}
	slices.SortFunc(entries, func(a, b metav1.ManagedFieldsEntry) int {
		return strings.Compare(a.Manager+string(a.Operation), b.Manager+string(b.Operation))
	})
	o.SetManagedFields(entries)
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetCreationTimestamp(metav1.Time{})
	delete(o.Object, "status")
	for _, field := range []string{"clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(o.Object, "spec", field)
	}
	text := must(json.MarshalIndent(o.Object, "", " "))(w.t)
	return strings.ReplaceAll(string(text), w.ns, "NAMESPACE")
}
