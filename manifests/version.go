package manifests

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/dense"
)

// Version is a state of an object, as far as its metadata tell: enough to know that it may no longer be as it was.
type Version struct {
	uid    uid
	number uint64 // resourceVersion, by which the API server orders the writes of a kind; 0 if it is no number
	counts bool   // the object has a generation, which rises with every change of what is asked for
	asked  uint64 // hash of everything that tells a change of what is asked for
	status uint64 // hash of who wrote the status, and when
	gone   bool
}

// uid tells objects apart as their UIDs do. It points to nothing: there are as many as objects.
type uid [16]byte

func uidOf(text types.UID) (id uid) {
	if text == "" {
		return id
	}
	sum := sha256.Sum256([]byte(text))
	return uid(sum[:len(id)])
}

// Known are the states in which objects were last found, or left, as asked.
type Known map[ID]Version

// Dense is the same, in little memory: for what stays for long.
func (k Known) Dense() Known {
	ids := slices.Collect(maps.Keys(k))
	dense.Of(&ids)
	same := make(Known, len(ids))
	for _, id := range ids {
		same[id] = k[id]
	}
	return same
}

// VersionOf reads the state of an object off its metadata.
func VersionOf(o metav1.Object) Version {
	v := Version{uid: uidOf(o.GetUID()), number: numberOf(o.GetResourceVersion()), counts: o.GetGeneration() > 0}
	asked, status := fnv.New64a(), fnv.New64a()
	annotations := map[string]string{}
	for k, a := range o.GetAnnotations() {
		if k != appsv1.DeprecatedTemplateGeneration { // the API server counts a DaemonSet's templates here
			annotations[k] = a
		}
	}
	// Maps are printed in the order of their keys.
	_, _ = fmt.Fprint(asked, o.GetUID(), o.GetGeneration(), o.GetLabels(), annotations, o.GetFinalizers(),
		o.GetDeletionTimestamp() != nil)
	for _, e := range o.GetManagedFields() {
		switch {
		case e.Subresource == "status":
			_, _ = fmt.Fprint(status, e.Manager, e.Time, fieldsOf(e))
		default: // not every kind that has a generation counts its changes
			_, _ = fmt.Fprint(asked, e.Manager, e.Operation, e.Time, fieldsOf(e))
		}
	}
	v.asked, v.status = asked.Sum64(), status.Sum64()
	return v
}

// touchedBy reports whether what is seen now may be no longer as what was known. Status writes touch nothing. An object
// without a generation counts as touched by every write that is not its status's.
func (known Version) touchedBy(seen Version) bool {
	switch {
	case seen.number != 0 && seen.number <= known.number:
		return false // the watch has not come as far as what is known
	case seen.gone, seen.asked != known.asked:
		return true
	}
	return !seen.counts && seen.number != known.number && seen.status == known.status
}

// Still reports whether an object that is seen now is as it was known: nobody has written more of it than its status.
func (known Version) Still(seen Version) bool { return seen.uid == known.uid && !known.touchedBy(seen) }

// Sum sums up the states of an inventory's objects, so that it can be told later whether anybody has written one of
// them; empty if one of them is not known, or not there. The status of an object with a generation is not in it.
func (k Known) Sum(inv Inventory) string {
	sum := sha256.New()
	for _, e := range inv {
		v, known := k[e.ID]
		if !known || v.gone || v.uid == (uid{}) {
			return ""
		}
		number := v.number
		if v.counts {
			number = 0
		}
		_, _ = fmt.Fprintf(sum, "%q %q %q %q %x %x %d\n", e.Group, e.Kind, e.Namespace, e.Name, v.uid, v.asked, number)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// Gone reports whether the object is not there, or has lost the Sync's label.
func (v Version) Gone() bool { return v.gone }

// After reports whether a state may be a later one than what is known: one whose writes are not numbered always may.
func (v Version) After(known Version) bool { return v.number == 0 || v.number > known.number }

// fieldsOf is a field set in a form that does not depend on the order in which it was written.
func fieldsOf(e metav1.ManagedFieldsEntry) (fields any) {
	if e.FieldsV1 != nil {
		_ = json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) // what is no JSON says nothing
	}
	return fields
}

func numberOf(resourceVersion string) uint64 {
	n, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
