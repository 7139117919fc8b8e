package proven

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/fields"
)

// state is how an apply has left an object.
type state struct {
	asked      manifests.Sum // of the object as it was applied
	uid        types.UID
	version    string // resourceVersion
	generation int64
	// metadata is the sum of what they tell of an object and of its writers, its status left out.
	metadata [sha256.Size]byte
}

// stateOf is how an apply has left an object; false if that proves nothing: what was not applied as the set has it, and
// what others hold for our sake until the next apply, is to be applied again.
func stateOf(a manifests.Applied, asked manifests.Sum) (state, bool) {
	if a.Object == nil || a.Replaced != nil {
		return state{}, false
	}
	return stateSeen(a.Object, a.Object.GetAPIVersion(), asked)
}

// stateSeen is the same of an object of which the metadata are known, as they were left by an apply in an API version.
func stateSeen(o metav1.Object, version string, asked manifests.Sum) (state, bool) {
	managed := &unstructured.Unstructured{Object: map[string]any{}}
	managed.SetAPIVersion(version)
	managed.SetManagedFields(o.GetManagedFields())
	if !fields.IsOurs(managed) || o.GetDeletionTimestamp() != nil ||
		len(fields.TakeoverVersions(managed, version)) > 0 {
		return state{}, false
	}
	return state{asked: asked, uid: o.GetUID(), version: o.GetResourceVersion(), generation: o.GetGeneration(),
		metadata: sumOf(o)}, true
}

// live is the object as far as a write over it is decided on it.
func (s state) live(id manifests.ID) *unstructured.Unstructured {
	live := &unstructured.Unstructured{Object: map[string]any{}}
	live.SetNamespace(id.Namespace)
	live.SetName(id.Name)
	live.SetUID(s.uid)
	live.SetResourceVersion(s.version)
	live.SetGeneration(s.generation)
	return live
}

// same reports whether nobody has written an object since: what is seen of it is younger than any watch. Its status may
// have been written where every other write raises the generation, or stands in the metadata.
func (s state) same(id manifests.ID, seen metav1.Object) bool {
	return seen != nil && seen.GetUID() == s.uid && sumOf(seen) == s.metadata &&
		(seen.GetResourceVersion() == s.version || isDefinition(id))
}

func isDefinition(id manifests.ID) bool {
	return id.Group == "apiextensions.k8s.io" && id.Kind == "CustomResourceDefinition"
}

func sumOf(o metav1.Object) [sha256.Size]byte {
	var p printed
	p.number(o.GetGeneration())
	p.pairs(o.GetLabels())
	p.pairs(o.GetAnnotations())
	p.number(int64(len(o.GetFinalizers())))
	p.texts(o.GetFinalizers()...)
	for _, r := range o.GetOwnerReferences() {
		p.texts(r.APIVersion, r.Kind, r.Name, string(r.UID))
	}
	if o.GetDeletionTimestamp() != nil {
		p.texts("is being deleted")
	}
	for _, e := range o.GetManagedFields() {
		if e.Subresource != "status" {
			p.texts(e.Manager, string(e.Operation), e.APIVersion, e.Subresource)
			p.number(unixOf(e.Time))
		}
	}
	return sha256.Sum256(p)
}

// printed are texts and numbers one after the other, each told from the next.
type printed []byte

func (p *printed) number(n int64) { *p = strconv.AppendInt(append(*p, '#'), n, 10) }

func (p *printed) texts(list ...string) {
	for _, text := range list {
		p.number(int64(len(text)))
		*p = append(append(*p, ':'), text...)
	}
}

func (p *printed) pairs(list map[string]string) {
	p.number(int64(len(list)))
	for _, key := range slices.Sorted(maps.Keys(list)) {
		p.texts(key, list[key])
	}
}

func unixOf(t *metav1.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

// attended are the objects of a set that are always read and applied: what a commit waits for, and what runs pods.
// Whoever judges them needs them as they are, and others write them all the time.
func attended(set manifests.Set) map[manifests.ID]bool {
	list := set.Awaited()
	for _, o := range set.Workloads() {
		list[manifests.IDOf(o)] = true
	}
	return list
}

// unchanged are the objects of a set that it asks for as they were applied last, with the UIDs that they had. Those of
// the attended that are definitions are among them.
func unchanged(set manifests.Set, states map[manifests.ID]state, attended map[manifests.ID]bool,
) (list manifests.Inventory) {
	sums := set.Sums()
	for _, e := range set.Inventory() {
		s, known := states[e.ID]
		if known && s.asked == sums[e.ID] && (!attended[e.ID] || isDefinition(e.ID)) {
			e.UID = s.uid
			list = append(list, e)
		}
	}
	return list
}

// prove finds those of the unchanged objects that nobody has written either, as they are seen. What is of a kind whose
// definition may become another one is not among them.
func prove(set manifests.Set, unchanged manifests.Inventory, states map[manifests.ID]state,
	seen map[manifests.ID]metav1.Object) map[manifests.ID]bool {
	proof := map[manifests.ID]bool{}
	for _, e := range unchanged {
		if states[e.ID].same(e.ID, seen[e.ID]) {
			proof[e.ID] = true
		}
	}
	redefined := map[schema.GroupKind]bool{}
	for _, o := range set.Objects() {
		if id := manifests.IDOf(o); isDefinition(id) && !proof[id] {
			redefined[definedBy(o)] = true
		}
	}
	for id := range proof {
		if redefined[schema.GroupKind{Group: id.Group, Kind: id.Kind}] {
			delete(proof, id)
		}
	}
	return proof
}

// definedBy is the kind that a definition brings.
func definedBy(definition *unstructured.Unstructured) schema.GroupKind {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	return schema.GroupKind{Group: group, Kind: kind}
}
