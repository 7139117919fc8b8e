// Package stored keeps lists that are too large for a Sync's status in ConfigMaps beside it: the inventory, and what
// the commit in flight waits for. The status then names the ConfigMap and the digest of what it holds: nobody else's
// text is taken for the list.
//
// There are two ConfigMaps for each list of a Sync, and the status names one of them. A new list goes into the other
// one, before the status names that one: a death in between leaves the status with the list that it had.
package stored

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// MaxInStatus is how many bytes of JSON a list takes in the status at most: the status has 256 KiB for everything.
	// A larger one is stored beside it.
	MaxInStatus = 48 << 10
	// MaxStored is how many bytes a list may take as it is stored, compressed: a ConfigMap may hold 1 MiB
	// (https://kubernetes.io/docs/concepts/configuration/configmap/).
	MaxStored = 1000 << 10
)

const (
	// uidSize is how many bytes a UID takes at most once it is compressed. It has 122 random bits.
	uidSize = 24
	// awaitedSize is how many bytes take the name, the UID and what is remembered of an object that is waited for, once
	// they are compressed.
	awaitedSize = 96
	// MaxAwaited is how many objects that are no DaemonSets a commit may wait for.
	MaxAwaited = MaxStored / awaitedSize
)

// TooLarge says that a list has no room beside the status either.
type TooLarge struct {
	What          string
	Objects, Size int
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("the %s of %d objects takes %d KiB, and a ConfigMap holds %d: split the Sync into "+
		"several", e.What, e.Objects, e.Size>>10, MaxStored>>10)
}

// Fits reports whether an inventory can be remembered once all its objects have a UID. The error is a *TooLarge if not.
func (k Store) Fits(inventory []api.InventoryEntry) error {
	if k.inStatus(inventory) {
		return nil
	}
	unnamed := 0
	for _, e := range inventory {
		if e.UID == "" {
			unnamed++
		}
	}
	data, err := encode(inventory)
	if err != nil {
		return err
	}
	if size := len(data) + unnamed*uidSize; size > MaxStored {
		return &TooLarge{What: "inventory", Objects: len(inventory), Size: size}
	}
	return nil
}

// textOverhead is what the JSON of an entry takes beside its values.
const textOverhead = 80

// inStatus reports whether the status has room for an inventory, UIDs that are not known yet included.
func (k Store) inStatus(inventory []api.InventoryEntry) bool {
	room, size := cmp.Or(k.InStatus, MaxInStatus), 0
	for _, e := range inventory {
		size += textOverhead + len(e.Group) + len(e.Version) + len(e.Kind) + len(e.Namespace) + len(e.Name) + lenUID
		if size > room {
			return false
		}
	}
	return true
}

// lenUID is how long a UID is.
const lenUID = 36

// divided are the DaemonSets of workloads, and the others.
func divided(all []api.Workload) (daemonSets, others []api.Workload) {
	for _, w := range all {
		if w.IsDaemonSet() {
			daemonSets = append(daemonSets, w)
		} else {
			others = append(others, w)
		}
	}
	return daemonSets, others
}

// workloadOverhead is what the JSON of a workload takes beside its names, its words and its memory.
const workloadOverhead = 200

// haveRoom reports whether the status has room for workloads.
func (k Store) haveRoom(workloads []api.Workload) bool {
	room, size := cmp.Or(k.InStatus, MaxInStatus), 0
	for _, w := range workloads {
		size += workloadOverhead + len(w.Group) + len(w.Kind) + len(w.Namespace) + len(w.Name) + len(w.Headline) +
			len(w.Memory.Raw) + lenUID
		if size > room {
			return false
		}
	}
	return true
}

func encode(list any) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w).Encode(list); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// decode reads what encode wrote.
func decode(data []byte, list any) error {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, list)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
