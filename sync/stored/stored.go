// Package stored keeps an inventory that is too large for a Sync's status in a ConfigMap beside it. The status then
// names the ConfigMap and the digest of what it holds: nobody else's text is taken for the inventory.
//
// There are two ConfigMaps for each Sync, and the status names one of them. A new inventory goes into the other one,
// before the status names that one: a death in between leaves the status with the inventory that it had.
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
	// MaxInStatus is how many bytes of JSON an inventory takes in the status at most: the status has 256 KiB for
	// everything. A larger one is stored beside it.
	MaxInStatus = 48 << 10
	// MaxStored is how many bytes an inventory may take as it is stored, compressed: a ConfigMap may hold 1 MiB
	// (https://kubernetes.io/docs/concepts/configuration/configmap/).
	MaxStored = 1000 << 10
)

// uidSize is how many bytes a UID takes at most once it is compressed. It has 122 random bits.
const uidSize = 24

// TooLarge says that an inventory has no room beside the status either.
type TooLarge struct{ Objects, Size int }

func (e *TooLarge) Error() string {
	return fmt.Sprintf("the inventory of %d objects takes %d KiB, and a ConfigMap holds %d: split the Sync into "+
		"several", e.Objects, e.Size>>10, MaxStored>>10)
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
		return &TooLarge{Objects: len(inventory), Size: size}
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

func encode(inventory []api.InventoryEntry) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w).Encode(inventory); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// decode reads what encode wrote.
func decode(data []byte) ([]api.InventoryEntry, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var inventory []api.InventoryEntry
	err = json.Unmarshal(text, &inventory)
	return inventory, err
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
