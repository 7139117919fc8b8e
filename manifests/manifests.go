// Package manifests knows the objects a commit asks for and is the only writer to them: identity, order, server-side
// apply, inventory, prune, drift and the brake.
package manifests

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/manifests/fields"
)

const (
	// FieldManager is the name under which everything is applied.
	FieldManager = fields.OurManager
	// OwnerLabel marks every managed object with its Sync; nothing without it is ever pruned.
	OwnerLabel = "daemongate.io/sync"
	// PruneAnnotation is "disabled" on an object that must outlive its manifest, and "enabled" on a
	// CustomResourceDefinition, Namespace or PersistentVolumeClaim that must not.
	PruneAnnotation = "daemongate.io/prune"
	// WaitAnnotation is "true" on an object that a commit waits for although its kind is not one that it does, and
	// "false" on one that it does not wait for.
	WaitAnnotation = "daemongate.io/wait"
	// MoveAnnotation on an object names the Sync, as "namespace/name", that it is moved to: any other Sync whose set it
	// is in lets go of it.
	MoveAnnotation = "daemongate.io/handover"
	// OriginAnnotation may name the file an object was read from. It serves error texts and is never applied.
	OriginAnnotation = "daemongate.io/origin"
)

// ID names an object whatever version of its kind is asked for.
type ID struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// IDOf reads an object's identity.
func IDOf(o *unstructured.Unstructured) ID {
	gvk := o.GroupVersionKind()
	return ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// String is how people name it: "DaemonSet platform/agent", "Namespace logging".
func (id ID) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

func (id ID) groupKind() schema.GroupKind { return schema.GroupKind{Group: id.Group, Kind: id.Kind} }

// Owner is the Sync that manages a set.
type Owner struct {
	Namespace, Name string
	// Home tells the cluster that the Sync is in, if that is another one than the objects are in; else it is empty.
	Home string
}

// String is "namespace/name", and whence if the Sync is in another cluster.
func (o Owner) String() string {
	if o.Home != "" {
		return o.Namespace + "/" + o.Name + " of cluster " + o.Home
	}
	return o.Namespace + "/" + o.Name
}

// Label is the value of OwnerLabel: "namespace.name", or "namespace.name_home" of a Sync that is in another cluster. A
// label holds 63 characters; a longer value is cut and ends in a hash of the whole, so that two Syncs never share one.
func (o Owner) Label() string {
	const limit, digits = 63, 16
	value := o.Namespace + "." + o.Name
	if o.Home != "" {
		value += homeMark + o.Home
	}
	if len(value) <= limit {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	head := strings.TrimRight(value[:limit-digits-1], "-.")
	return head + "-" + hex.EncodeToString(sum[:])[:digits]
}

// homeMark is what no name of a Sync has in it.
const homeMark = "_"

// ownerOf turns a label's value back into words. A namespace has no dot in its name, so the first one divides.
func ownerOf(label string) string {
	namespace, name, found := strings.Cut(label, ".")
	if !found {
		return label
	}
	name, home, _ := strings.Cut(name, homeMark)
	return Owner{Namespace: namespace, Name: name, Home: home}.String()
}

// Options say for whom and how a set is written.
type Options struct {
	Owner Owner
	// Force takes fields over from other field managers instead of reporting a Conflict.
	Force bool
	// TargetNamespace, if set, replaces the namespace of every namespaced object.
	TargetNamespace string
	// DefaultNamespace is for namespaced objects that name none.
	DefaultNamespace string
	// Recreate lets a DaemonSet whose selector changes be deleted without its pods and created anew.
	Recreate bool
	// Inventory is what was written so far: nothing else is ever deleted, also not to be recreated.
	Inventory Inventory
	// Correct says that the set was applied before, so that what differs now is drift: kubectl's field managers are
	// then folded in for any difference and not only where they stand in the way (law 8).
	Correct bool
	// Proven tells the objects of which it is proven that an apply would change nothing: the API server is not asked
	// about them, and they are left alone. Nil if there are none.
	Proven func(ID) bool
	// Seen are those of the proven objects of which Apply is to answer all the same, as if it had applied them.
	Seen map[ID]Applied
	// Last is what our own last apply has left of an object, as far as a write is decided on it; nil if that is not
	// known. What is known is not read before it is written: the API server refuses the write if it is no longer so.
	Last func(ID) *unstructured.Unstructured
	// Absences are what a dry run asks about without a look, and what an apply creates without one because the dry run
	// found nothing there. Nil if everything is to be looked at that Last does not know.
	Absences *Absences
	// May is asked before an object is written or deleted, and none is from its first error on; nil if all may be. What
	// was begun of an object is done to its end. A Brake asks nobody.
	May func() error
}

// seen are the answers of some objects that are left alone.
func (o Options) seen(objects []*unstructured.Unstructured) (answers []Applied) {
	for _, object := range objects {
		if a, is := o.Seen[IDOf(object)]; is {
			answers = append(answers, a)
		}
	}
	return answers
}

// unproven are those of some objects that must be asked about, or written.
func (o Options) unproven(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	if o.Proven == nil {
		return objects
	}
	return slices.DeleteFunc(slices.Clone(objects), func(object *unstructured.Unstructured) bool {
		return o.Proven(IDOf(object))
	})
}
