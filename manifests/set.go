package manifests

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/daemongate/daemongate/manifests/dense"
)

// Set is the objects a commit asks for, in the order in which they are written. It never changes.
type Set struct {
	objects    []*unstructured.Unstructured
	daemonSets []*appsv1.DaemonSet
	// moved are the objects that it no longer asks for because they are another Sync's from now on.
	moved map[ID]Owner
	// sums are worked out once, for all copies of the set.
	sums *sums
}

// sums are the SHA-256 sums of a set and of each of its objects.
type sums struct {
	once  sync.Once
	whole string
	each  map[ID]Sum
}

// Sum is the SHA-256 of an object in canonical JSON.
type Sum [sha256.Size]byte

// NewSet copies and orders the objects. What only an API server fills in (uid, resourceVersion, managedFields …) is
// left out. The error names every object that has no apiVersion, kind or name, or is there twice, with its file if
// OriginAnnotation tells it.
func NewSet(objects []*unstructured.Unstructured) (Set, error) {
	var problems []error
	seen := make(map[ID]string, len(objects))
	kept := make([]*unstructured.Unstructured, 0, len(objects))
	for i, o := range objects {
		origin := originOf(o)
		where := atFile(origin)
		if err := identified(o); err != nil {
			problems = append(problems, fmt.Errorf("object %d%s: %w", i+1, where, err))
			continue
		}
		id := IDOf(o)
		if first, twice := seen[id]; twice {
			problems = append(problems, fmt.Errorf("%s%s: is in the set twice%s: remove one", id, where,
				firstAt(first)))
			continue
		}
		seen[id] = origin
		if _, _, err := movedTo(o); err != nil {
			problems = append(problems, fmt.Errorf("%w%s", err, where))
			continue
		}
		if _, err := waitedFor(o); err != nil {
			problems = append(problems, fmt.Errorf("%w%s", err, where))
			continue
		}
		kept = append(kept, asWished(o))
	}
	slices.SortStableFunc(kept, func(a, b *unstructured.Unstructured) int { return compareIDs(IDOf(a), IDOf(b)) })
	daemonSets, err := typedDaemonSets(kept)
	if err := errors.Join(append(problems, err)...); err != nil {
		return Set{}, err
	}
	return Set{objects: kept, daemonSets: daemonSets, sums: &sums{}}, nil
}

// Objects are the objects in the order in which they are written. They are shared: copy before changing one.
func (s Set) Objects() []*unstructured.Unstructured { return slices.Clone(s.objects) }

// Len is the number of objects.
func (s Set) Len() int { return len(s.objects) }

// IDs name the objects in the order in which they are written.
func (s Set) IDs() []ID {
	ids := make([]ID, len(s.objects))
	for i, o := range s.objects {
		ids[i] = IDOf(o)
	}
	return ids
}

// Only is the part of the set that these objects are.
func (s Set) Only(which func(ID) bool) Set {
	var part Set
	for _, o := range s.objects {
		if which(IDOf(o)) {
			part.objects = append(part.objects, o)
		}
	}
	for _, d := range s.daemonSets {
		if which(ID{Group: appsv1.GroupName, Kind: "DaemonSet", Namespace: d.Namespace, Name: d.Name}) {
			part.daemonSets = append(part.daemonSets, d)
		}
	}
	return part
}

// Workloads are the objects that run pods.
func (s Set) Workloads() []*unstructured.Unstructured {
	var workloads []*unstructured.Unstructured
	for _, o := range s.objects {
		if isWorkload(o) {
			workloads = append(workloads, o)
		}
	}
	return workloads
}

// DaemonSets are the set's DaemonSets as the API's own type, without the defaults that a server fills in.
func (s Set) DaemonSets() []*appsv1.DaemonSet { return slices.Clone(s.daemonSets) }

// Digest is the SHA-256 of the set in canonical JSON, in hex: equal sets have equal digests, in whatever order and
// from whatever files their objects came.
func (s Set) Digest() string { return s.summed().whole }

// Sums are the sums of its objects: those of equal objects are equal. They are shared: copy before changing one.
func (s Set) Sums() map[ID]Sum { return s.summed().each }

func (s Set) summed() *sums {
	if s.sums == nil { // the empty set, or a part of one
		s.sums = &sums{}
	}
	s.sums.once.Do(func() { s.sums.whole, s.sums.each = s.sum() })
	return s.sums
}

func (s Set) sum() (whole string, each map[ID]Sum) {
	hash := sha256.New()
	each = make(map[ID]Sum, len(s.objects))
	for _, o := range s.objects {
		data, err := json.Marshal(o.Object) // sorts the keys of maps
		if err != nil {
			// Objects are JSON values: the only thing that cannot be encoded is a number that JSON does not know.
			data = fmt.Appendf(nil, "%#v", o.Object)
		}
		each[IDOf(o)] = sha256.Sum256(data)
		hash.Write(append(data, '\n'))
	}
	for _, id := range slices.SortedFunc(maps.Keys(s.moved), compareIDs) {
		hash.Write(fmt.Appendf(nil, "%s %s is moved to %s\n", id.Group, id, s.moved[id]))
	}
	return hex.EncodeToString(hash.Sum(nil)), each
}

// Packed is a set as text, which takes a fraction of the memory of its objects. It never changes.
type Packed struct {
	digest string
	ids    []ID
	moved  map[ID]Owner
	text   []byte // a list of the objects in JSON, deflated
}

// Packed packs a set.
func (s Set) Packed() (*Packed, error) {
	contents := make([]map[string]any, len(s.objects))
	for i, o := range s.objects {
		contents[i] = o.Object
	}
	text, err := json.Marshal(contents)
	if err != nil {
		return nil, fmt.Errorf("pack a set: %w", err)
	}
	text, err = deflated(text)
	if err != nil {
		return nil, fmt.Errorf("pack a set: %w", err)
	}
	p := &Packed{digest: s.Digest(), ids: s.IDs(), moved: maps.Clone(s.moved), text: text}
	dense.Of(&p.ids)
	return p, nil
}

// deflaters are used again: one takes more memory than most sets.
var deflaters sync.Pool

func deflated(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, again := deflaters.Get().(*flate.Writer)
	if !again {
		var err error
		if w, err = flate.NewWriter(&b, flate.BestSpeed); err != nil {
			return nil, err
		}
	}
	defer deflaters.Put(w)
	w.Reset(&b)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(b.Bytes()), nil
}

// Set is the set as it was packed, made anew.
func (p *Packed) Set() (Set, error) {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(p.text)))
	if err != nil {
		return Set{}, fmt.Errorf("unpack a set: %w", err)
	}
	var contents []any
	if err := utiljson.Unmarshal(text, &contents); err != nil { // whole numbers are int64, as in every object
		return Set{}, fmt.Errorf("unpack a set: %w", err)
	}
	objects := make([]*unstructured.Unstructured, len(contents))
	for i, content := range contents {
		fields, _ := content.(map[string]any) // an empty object is refused
		objects[i] = &unstructured.Unstructured{Object: fields}
	}
	set, err := NewSet(objects)
	if set.moved = p.moved; err == nil && set.Digest() != p.digest {
		err = errors.New("it is not what was packed")
	}
	if err != nil {
		return Set{}, fmt.Errorf("unpack a set: %w", err)
	}
	return set, nil
}

// Unneeded is what Inventory.Without is of the set.
func (p *Packed) Unneeded(inv Inventory) Inventory { return inv.without(p.ids, p.moved) }

func identified(o *unstructured.Unstructured) error {
	switch {
	case o == nil || o.Object == nil:
		return errors.New("is empty")
	case o.GetAPIVersion() == "":
		return fmt.Errorf("kind %q, name %q: has no apiVersion", o.GetKind(), o.GetName())
	case o.GetKind() == "":
		return fmt.Errorf("apiVersion %q, name %q: has no kind", o.GetAPIVersion(), o.GetName())
	case o.GetKind() == "List" && o.GetAPIVersion() == "v1":
		return errors.New("is a List: put each of its items into a document of its own")
	case o.GetName() == "" && o.GetGenerateName() != "":
		return fmt.Errorf("%s: has generateName only: give it a metadata.name, or every commit would make another one",
			o.GetKind())
	case o.GetName() == "":
		return fmt.Errorf("%s: has no metadata.name", o.GetKind())
	}
	return nil
}

// asWished copies the object without what it cannot wish for.
func asWished(o *unstructured.Unstructured) *unstructured.Unstructured {
	wish := o.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp",
		"selfLink",
		"deletionTimestamp", "deletionGracePeriodSeconds"} {
		unstructured.RemoveNestedField(wish.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(wish.Object, "metadata", "annotations", OriginAnnotation)
	if len(wish.GetAnnotations()) == 0 {
		unstructured.RemoveNestedField(wish.Object, "metadata", "annotations")
	}
	return wish
}

func typedDaemonSets(objects []*unstructured.Unstructured) ([]*appsv1.DaemonSet, error) {
	var sets []*appsv1.DaemonSet
	var problems []error
	for _, o := range objects {
		if !isDaemonSet(IDOf(o)) {
			continue
		}
		data, err := o.MarshalJSON()
		ds := &appsv1.DaemonSet{}
		if err == nil {
			err = json.Unmarshal(data, ds)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: is not a DaemonSet as the API knows it: %w", IDOf(o), err))
			continue
		}
		sets = append(sets, ds)
	}
	return sets, errors.Join(problems...)
}

func originOf(o *unstructured.Unstructured) string {
	if o == nil {
		return ""
	}
	return o.GetAnnotations()[OriginAnnotation]
}

func atFile(origin string) string {
	if origin == "" {
		return ""
	}
	return " (" + origin + ")"
}

func firstAt(origin string) string {
	if origin == "" {
		return ""
	}
	return ", first in " + origin
}
