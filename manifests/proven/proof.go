package proven

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/dense"
	"github.com/daemongate/daemongate/manifests/fields"
)

// state is how an apply has left an object.
type state struct {
	asked      manifests.Sum // of the object as it was applied
	uid        types.UID
	version    string // resourceVersion
	generation int64
	// rest is the sum of the metadata or, where whole is set, of all that an apply of ours can change.
	rest  [sha256.Size]byte
	whole bool
}

// stateOf is how an apply has left an object; false if that proves nothing: what was not applied as the set has it, and
// what others hold for our sake until the next apply, is to be applied again.
func stateOf(a manifests.Applied, asked manifests.Sum, whole bool) (state, bool) {
	if a.Object == nil || a.Replaced != nil {
		return state{}, false
	}
	return stateSeen(a.Object, a.Object.GetAPIVersion(), asked, whole)
}

// stateSeen is the same of an object as it is seen now, as it was left by an apply in an API version. Of one that is to
// be known as a whole, all of it must be seen.
func stateSeen(o metav1.Object, version string, asked manifests.Sum, whole bool) (state, bool) {
	managed := &unstructured.Unstructured{Object: map[string]any{}}
	managed.SetAPIVersion(version)
	managed.SetManagedFields(o.GetManagedFields())
	if !fields.IsOurs(managed) || o.GetDeletionTimestamp() != nil ||
		len(fields.TakeoverVersions(managed, version)) > 0 {
		return state{}, false
	}
	rest, seen := sumOf(o, whole)
	return state{asked: asked, uid: o.GetUID(), version: o.GetResourceVersion(), generation: o.GetGeneration(),
		rest: rest, whole: whole}, seen
}

// densely are the same states in little memory: they stay for long.
func densely(states map[manifests.ID]state) map[manifests.ID]state {
	ids, list := make([]manifests.ID, 0, len(states)), make([]state, 0, len(states))
	for id, s := range states {
		ids, list = append(ids, id), append(list, s)
	}
	var texts dense.Texts
	for i := range ids {
		id, s := &ids[i], &list[i]
		texts.Add(&id.Group, &id.Kind, &id.Namespace, &id.Name, (*string)(&s.uid), &s.version)
	}
	texts.Lay()
	same := make(map[manifests.ID]state, len(ids))
	for i, id := range ids {
		same[id] = list[i]
	}
	return same
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

// same reports whether nobody has written an object since: what is seen of it is younger than any watch. Of one that
// is known as a whole, others may have written what is not ours, and another apply would leave it so.
func (s state) same(id manifests.ID, version string, seen metav1.Object) bool {
	if seen == nil || seen.GetUID() != s.uid {
		return false
	}
	if !s.whole {
		rest, _ := sumOf(seen, false)
		return rest == s.rest && seen.GetResourceVersion() == s.version
	}
	now, proves := stateSeen(seen, schema.GroupVersion{Group: id.Group, Version: version}.String(), s.asked, true)
	return proves && now.rest == s.rest
}

func isDefinition(id manifests.ID) bool {
	return id.Group == "apiextensions.k8s.io" && id.Kind == "CustomResourceDefinition"
}

// isHeld reports whether the pods of an object are held back by a brake or a pace.
func isHeld(id manifests.ID, o metav1.Object) bool {
	_, held := manifests.BrakeIn(o.GetAnnotations())
	return held && id.Group == "apps" && id.Kind == "DaemonSet"
}

// sumOf sums up the metadata of an object, or with whole what an apply of ours can change of all of it. It reports
// false if not all of that is seen.
func sumOf(o metav1.Object, whole bool) (sum [sha256.Size]byte, seen bool) {
	var p printed
	labels, annotations, writers := o.GetLabels(), o.GetAnnotations(), o.GetManagedFields()
	if whole {
		rest, err := restOf(o)
		if err != nil {
			return sum, false
		}
		p.texts(string(rest))
		writers = slices.DeleteFunc(writers, func(e metav1.ManagedFieldsEntry) bool {
			return e.Manager != manifests.FieldManager
		})
		labels, annotations = owned(labels, "f:labels", writers), owned(annotations, "f:annotations", writers)
	} else {
		p.number(o.GetGeneration())
	}
	p.pairs(labels)
	p.pairs(annotations)
	p.number(int64(len(o.GetFinalizers())))
	p.texts(o.GetFinalizers()...)
	for _, r := range o.GetOwnerReferences() {
		p.texts(r.APIVersion, r.Kind, r.Name, string(r.UID))
	}
	if o.GetDeletionTimestamp() != nil {
		p.texts("is being deleted")
	}
	for _, e := range writers {
		if e.Subresource != "status" {
			p.texts(e.Manager, string(e.Operation), e.APIVersion, e.Subresource)
			p.number(unixOf(e.Time))
		}
		if whole && e.FieldsV1 != nil {
			p.texts(e.FieldsV1.GetRawString())
		}
	}
	return sha256.Sum256(p), true
}

// restOf is an object without its metadata and its status, as JSON with its keys in order.
func restOf(o metav1.Object) ([]byte, error) {
	u, whole := o.(*unstructured.Unstructured)
	if !whole {
		return nil, errors.New("nothing but its metadata is seen")
	}
	rest := maps.Clone(u.Object)
	delete(rest, "metadata")
	delete(rest, "status")
	return json.Marshal(rest)
}

// owned are those labels or annotations that some writers hold. Controllers write others beside ours.
func owned(all map[string]string, field string, writers []metav1.ManagedFieldsEntry) map[string]string {
	ours := map[string]string{}
	for _, e := range writers {
		var held struct {
			Metadata map[string]map[string]any `json:"f:metadata"`
		}
		if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &held) != nil {
			return all
		}
		for key, value := range all {
			if _, is := held.Metadata[field]["f:"+key]; is {
				ours[key] = value
			}
		}
	}
	return ours
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

// attended are the objects of a set that are seen as a whole: what a commit waits for, and what runs pods. Whoever
// judges them needs them as they are, and their status is written all the time.
func attended(set manifests.Set) map[manifests.ID]bool {
	list := set.Awaited()
	for _, o := range set.Workloads() {
		list[manifests.IDOf(o)] = true
	}
	return list
}

// unchanged are the objects of a set that it asks for as they were applied last, with the UIDs that they had.
func unchanged(set manifests.Set, states map[manifests.ID]state, attended map[manifests.ID]bool,
) (list manifests.Inventory) {
	sums := set.Sums()
	for _, e := range set.Inventory() {
		if s, known := states[e.ID]; known && s.asked == sums[e.ID] && s.whole == attended[e.ID] {
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
		if states[e.ID].same(e.ID, e.Version, seen[e.ID]) {
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
