package stored

import (
	"context"
	stderrors "errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// key is where a ConfigMap holds the inventory.
const key = "inventory.json.gz"

// ourManager is by which name inventories are written.
const ourManager = "daemongate"

// slots are the ends of the names of a Sync's two ConfigMaps.
var slots = [2]string{"-inventory-a", "-inventory-b"}

// Store keeps the inventories of Syncs.
type Store struct {
	ConfigMaps typedv1.ConfigMapsGetter
	// InStatus is how many bytes an inventory takes in a status at most; MaxInStatus if 0.
	InStatus int
}

// LostError says that what a status names is not there, or is not what was stored.
type LostError struct {
	Namespace, ConfigMap, Why string
	Objects                   int
}

func (e *LostError) Error() string {
	return fmt.Sprintf("ConfigMap %s/%s, which named the %d objects that the Sync has written, %s: what the newest "+
		"commit does not ask for any more stays in the cluster, and is yours to delete", e.Namespace, e.ConfigMap,
		e.Objects, e.Why)
}

// Fill reads the inventory into a status that names where it is stored. Written is the status that was written, with
// its inventory, for Save. The error is a *LostError if the inventory is there no more: the status then has none, and
// still names where it was.
func (k Store) Fill(ctx context.Context, s *api.Sync) (written api.SyncStatus, err error) {
	written = *s.Status.DeepCopy()
	ref := s.Status.StoredInventory
	if ref == nil {
		return written, nil
	}
	found, err := k.ConfigMaps.ConfigMaps(s.Namespace).Get(ctx, ref.ConfigMap, metav1.GetOptions{})
	why := ""
	switch {
	case errors.IsNotFound(err):
		why = "is gone"
	case err != nil:
		return written, fmt.Errorf("inventory of Sync %s/%s: %w", s.Namespace, s.Name, err)
	case digestOf(found.BinaryData[key]) != ref.Digest:
		why = "was changed by somebody else"
	default:
		if s.Status.Inventory, err = decode(found.BinaryData[key]); err == nil {
			written.Inventory = slices.Clone(s.Status.Inventory)
			return written, nil
		}
		why = "cannot be read (" + err.Error() + ")"
	}
	return written, &LostError{Namespace: s.Namespace, ConfigMap: ref.ConfigMap, Objects: ref.Objects, Why: why}
}

// Reader reads a Sync from the API server.
type Reader interface {
	Get(ctx context.Context, namespace, name string) (*api.Sync, error)
}

// Save stores the inventory of a status that is about to be written, if it is large. It returns the status as it is to
// be written: with the inventory, or with where that is stored. Before is the status that was written last, with its
// inventory: the same inventory is not stored twice. One that is lost is named until there is another one. The error is
// ErrChanged if somebody else has stored one since.
func (k Store) Save(ctx context.Context, syncs Reader, s *api.Sync, before api.SyncStatus) (api.SyncStatus, error) {
	next := s.Status
	if lost(before) && len(next.Inventory) == 0 {
		return next, nil
	}
	if k.inStatus(next.Inventory) {
		next.StoredInventory = nil
		return next, nil
	}
	if before.StoredInventory == nil || !slices.Equal(next.Inventory, before.Inventory) {
		ref, err := k.store(ctx, syncs, s, before.StoredInventory)
		if err != nil {
			return next, fmt.Errorf("inventory of Sync %s/%s: %w", s.Namespace, s.Name, err)
		}
		next.StoredInventory = ref
	} else {
		next.StoredInventory = before.StoredInventory
	}
	next.Inventory = nil
	return next, nil
}

// lost reports whether a status names an inventory that could not be read: an empty one is never stored.
func lost(s api.SyncStatus) bool { return s.StoredInventory != nil && len(s.Inventory) == 0 }

// ErrChanged says that somebody else has stored an inventory since the status was read, or that it was us and the
// answer never came.
var ErrChanged = stderrors.New("another one has been stored since: the Sync is read again")

// store writes the inventory into the ConfigMap that the status does not name.
//
// A controller that was paused, and leads no longer, must not write into the one that the status has come to name
// since. So the ConfigMap is read, then the Sync, then the ConfigMap is written if nobody has written it in between;
// and each write makes a new version of it, also if it changes nothing else.
func (k Store) store(ctx context.Context, syncs Reader, s *api.Sync, named *api.StoredInventory,
) (*api.StoredInventory, error) {
	if err := k.Fits(s.Status.Inventory); err != nil {
		return nil, err
	}
	data, err := encode(s.Status.Inventory)
	if err != nil {
		return nil, err
	}
	ref := &api.StoredInventory{ConfigMap: s.Name + slots[0], Digest: digestOf(data), Objects: len(s.Status.Inventory)}
	if named != nil && named.ConfigMap == ref.ConfigMap {
		ref.ConfigMap = s.Name + slots[1]
	}
	found, err := k.own(ctx, s, ref.ConfigMap)
	if err != nil {
		return nil, err
	}
	now, err := syncs.Get(ctx, s.Namespace, s.Name)
	if err != nil {
		return nil, err
	}
	if n := now.Status.StoredInventory; now.UID != s.UID || n != nil && n.ConfigMap == ref.ConfigMap {
		return nil, ErrChanged
	}
	return ref, k.put(ctx, s, found, ref.ConfigMap, data)
}

// Release lets the ConfigMaps of a Sync go with it: until then they stay, also where the Sync is deleted with what it
// owns first, or with its namespace.
func (k Store) Release(ctx context.Context, s *api.Sync) error {
	for _, slot := range slots {
		found, err := k.ConfigMaps.ConfigMaps(s.Namespace).Get(ctx, s.Name+slot, metav1.GetOptions{})
		if err == nil && slices.Contains(found.Finalizers, api.Finalizer) && belongs(found, s) {
			found.Finalizers = slices.DeleteFunc(found.Finalizers, func(f string) bool { return f == api.Finalizer })
			_, err = k.ConfigMaps.ConfigMaps(s.Namespace).Update(ctx, found,
				metav1.UpdateOptions{FieldManager: ourManager})
		}
		if err != nil && !errors.IsNotFound(err) {
			return fmt.Errorf("inventory of Sync %s/%s: %w", s.Namespace, s.Name, err)
		}
	}
	return nil
}

// own returns a ConfigMap of the Sync's, nil if there is none. Any other one is an error.
func (k Store) own(ctx context.Context, s *api.Sync, name string) (*corev1.ConfigMap, error) {
	found, err := k.ConfigMaps.ConfigMaps(s.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case errors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !belongs(found, s):
		return nil, fmt.Errorf("ConfigMap %s/%s is not owned by Sync %s, so it is not overwritten, and nothing is "+
			"applied without it: delete or rename it", s.Namespace, name, s.Name)
	}
	return found, nil
}

// belongs reports whether a ConfigMap is controlled by the Sync, by its UID; or by nobody any more, because an earlier
// Sync of the name was deleted without what it owned.
func belongs(m *corev1.ConfigMap, s *api.Sync) bool {
	_, ours := m.Annotations[writtenAt]
	return metav1.IsControlledBy(m, s) || ours && metav1.GetControllerOf(m) == nil
}

// writtenAt makes a new version of a ConfigMap with every write.
const writtenAt = "daemongate.io/stored-after"

// put replaces the ConfigMap that was found, or makes one. It stays until Release if the Sync itself stays as long.
func (k Store) put(ctx context.Context, s *api.Sync, found *corev1.ConfigMap, name string, data []byte) error {
	next := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name, Annotations: map[string]string{writtenAt: ""},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s, api.Kind)}},
		BinaryData: map[string][]byte{key: data},
	}
	if slices.Contains(s.Finalizers, api.Finalizer) && (found == nil || found.DeletionTimestamp == nil) {
		next.Finalizers = []string{api.Finalizer}
	}
	write := k.ConfigMaps.ConfigMaps(s.Namespace)
	if found == nil {
		_, err := write.Create(ctx, next, metav1.CreateOptions{FieldManager: ourManager})
		return err
	}
	if found.DeletionTimestamp != nil {
		next.Finalizers = found.Finalizers // none can be added any more
	}
	next.Annotations[writtenAt] = found.ResourceVersion
	next.UID, next.ResourceVersion = found.UID, found.ResourceVersion
	_, err := write.Update(ctx, next, metav1.UpdateOptions{FieldManager: ourManager})
	return err
}
