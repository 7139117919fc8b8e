package stored

import (
	"context"
	stderrors "errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// ourManager is by which name inventories are written.
const ourManager = "daemongate"

// part is one list of a status that may be stored beside it. Each has ConfigMaps of its own: what a commit waits for
// changes while it rolls out, and the inventory does not.
type part struct {
	what  string    // it is, in errors
	key   string    // where a ConfigMap holds it
	slots [2]string // the ends of the names of the two ConfigMaps
	// named is where a status says that the list is.
	named func(*api.SyncStatus) *api.StoredInventory
	// lost says what the objects are that it names, and what becomes of them without it.
	objects, then string
}

var (
	inventories = part{what: "inventory", key: "inventory.json.gz", slots: [2]string{"-inventory-a", "-inventory-b"},
		named:   func(s *api.SyncStatus) *api.StoredInventory { return s.StoredInventory },
		objects: "that the Sync has written",
		then:    "what the newest commit does not ask for any more stays in the cluster, and is yours to delete"}
	awaiteds = part{what: "objects that are waited for", key: "awaited.json.gz",
		slots:   [2]string{"-awaited-a", "-awaited-b"},
		named:   func(s *api.SyncStatus) *api.StoredInventory { return s.StoredWorkloads },
		objects: "that the commit in flight waits for",
		then:    "unless they are ready already, the commit is applied once more, and they are waited for from then on"}
)

// Store keeps what is too large for the statuses of Syncs: inventories, and what commits wait for.
type Store struct {
	ConfigMaps typedv1.ConfigMapsGetter
	// InStatus is how many bytes a list takes in a status at most; MaxInStatus if 0.
	InStatus int
}

// LostError says that what a status names is not there, or is not what was stored.
type LostError struct {
	Namespace, ConfigMap, Why string
	Objects                   int

	of part
}

func (e *LostError) Error() string {
	return fmt.Sprintf("ConfigMap %s/%s, which named the %d objects %s, %s: %s", e.Namespace, e.ConfigMap, e.Objects,
		e.of.objects, e.Why, e.of.then)
}

// Fill reads into a status what it names where it is stored. Written is the status that was written, with all that
// belongs to it, for Save. The error is a *LostError if something is there no more. Without an inventory the status has
// none, and still names where it was. Without what its commit waits for, the commit is one that has to be written
// again.
func (k Store) Fill(ctx context.Context, s *api.Sync) (written api.SyncStatus, err error) {
	written = *s.Status.DeepCopy()
	var all []api.InventoryEntry
	switch err = k.fill(ctx, s, inventories, &all); {
	case err == nil && s.Status.StoredInventory != nil:
		s.Status.Inventory, written.Inventory = all, slices.Clone(all)
	case err != nil && !isLost(err):
		return written, err
	}
	if of := k.fillWorkloads(ctx, s, &written); of != nil && (err == nil || !isLost(of)) {
		return written, of
	}
	return written, err
}

// fillWorkloads reads those workloads of a flight that are stored.
func (k Store) fillWorkloads(ctx context.Context, s *api.Sync, written *api.SyncStatus) error {
	f, was := s.Status.InFlight, written.InFlight
	if f == nil || s.Status.StoredWorkloads == nil {
		return nil
	}
	var others []api.Workload
	err := k.fill(ctx, s, awaiteds, &others)
	if err == nil {
		f.Workloads = append(f.Workloads, others...)
		was.Workloads = append(was.Workloads, others...)
		return nil
	}
	if isLost(err) {
		s.Status.StoredWorkloads = nil
		if !f.IsComplete() && f.State != api.Applying {
			f.Attempts, f.RetryAt = max(1, f.Attempts), nil
		}
	}
	return err
}

func isLost(err error) bool {
	lost := (*LostError)(nil)
	return stderrors.As(err, &lost)
}

// fill reads a list, if it is stored.
func (k Store) fill(ctx context.Context, s *api.Sync, p part, list any) error {
	ref := p.named(&s.Status)
	if ref == nil {
		return nil
	}
	found, err := k.ConfigMaps.ConfigMaps(s.Namespace).Get(ctx, ref.ConfigMap, metav1.GetOptions{})
	why := ""
	switch {
	case errors.IsNotFound(err):
		why = "is gone"
	case err != nil:
		return fmt.Errorf("%s of Sync %s/%s: %w", p.what, s.Namespace, s.Name, err)
	case digestOf(found.BinaryData[p.key]) != ref.Digest:
		why = "was changed by somebody else"
	default:
		if err = decode(found.BinaryData[p.key], list); err == nil {
			return nil
		}
		why = "cannot be read (" + err.Error() + ")"
	}
	return &LostError{Namespace: s.Namespace, ConfigMap: ref.ConfigMap, Objects: ref.Objects, Why: why, of: p}
}

// Reader reads a Sync from the API server.
type Reader interface {
	Get(ctx context.Context, namespace, name string) (*api.Sync, error)
}

// Save stores of a status that is about to be written what has no room in it. It returns the status as it is to be
// written: with all, or with where that is stored. Before is the status that was written last, with all that belongs to
// it: what is the same is not stored twice. An inventory that is lost is named until there is another one. The error is
// ErrChanged if somebody else has stored something since.
func (k Store) Save(ctx context.Context, syncs Reader, s *api.Sync, before api.SyncStatus) (api.SyncStatus, error) {
	next := s.Status
	var err error
	if next.StoredInventory, err = k.saveInventory(ctx, syncs, s, before); err != nil {
		return next, fmt.Errorf("inventory of Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	if next.StoredInventory != nil {
		next.Inventory = nil
	}
	if next.StoredWorkloads, err = k.saveWorkloads(ctx, syncs, s, before); err != nil {
		return next, fmt.Errorf("objects that Sync %s/%s waits for: %w", s.Namespace, s.Name, err)
	}
	if next.StoredWorkloads != nil {
		f := *next.InFlight
		next.InFlight = &f
		f.Workloads, _ = divided(f.Workloads)
	}
	return next, nil
}

// saveInventory returns where the inventory is stored; nil if it has room in the status.
func (k Store) saveInventory(ctx context.Context, syncs Reader, s *api.Sync, before api.SyncStatus,
) (*api.StoredInventory, error) {
	switch all := s.Status.Inventory; {
	case lost(before) && len(all) == 0:
		return s.Status.StoredInventory, nil
	case k.inStatus(all):
		return nil, nil
	case before.StoredInventory != nil && slices.Equal(all, before.Inventory):
		return before.StoredInventory, nil
	default:
		if err := k.Fits(all); err != nil {
			return nil, err
		}
		return k.store(ctx, syncs, s, before, inventories, all, len(all))
	}
}

// saveWorkloads returns where those workloads of the flight are stored that are no DaemonSets; nil if they have room in
// the status.
func (k Store) saveWorkloads(ctx context.Context, syncs Reader, s *api.Sync, before api.SyncStatus,
) (*api.StoredInventory, error) {
	if s.Status.InFlight == nil {
		return nil, nil
	}
	_, others := divided(s.Status.InFlight.Workloads)
	if k.haveRoom(others) {
		return nil, nil
	}
	if before.StoredWorkloads != nil && before.InFlight != nil {
		if _, same := divided(before.InFlight.Workloads); equality.Semantic.DeepEqual(others, same) {
			return before.StoredWorkloads, nil
		}
	}
	return k.store(ctx, syncs, s, before, awaiteds, others, len(others))
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
func (k Store) store(ctx context.Context, syncs Reader, s *api.Sync, before api.SyncStatus, p part, list any,
	objects int,
) (*api.StoredInventory, error) {
	data, err := encode(list)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxStored {
		return nil, &TooLarge{What: p.what, Objects: objects, Size: len(data)}
	}
	ref := &api.StoredInventory{ConfigMap: s.Name + p.slots[0], Digest: digestOf(data), Objects: objects}
	if named := p.named(&before); named != nil && named.ConfigMap == ref.ConfigMap {
		ref.ConfigMap = s.Name + p.slots[1]
	}
	found, err := k.own(ctx, s, ref.ConfigMap)
	if err != nil {
		return nil, err
	}
	now, err := syncs.Get(ctx, s.Namespace, s.Name)
	if err != nil {
		return nil, err
	}
	if n := p.named(&now.Status); now.UID != s.UID || n != nil && n.ConfigMap == ref.ConfigMap {
		return nil, ErrChanged
	}
	return ref, k.put(ctx, s, found, ref.ConfigMap, p.key, data)
}

// Release lets the ConfigMaps of a Sync go with it: until then they stay, also where the Sync is deleted with what it
// owns first, or with its namespace.
func (k Store) Release(ctx context.Context, s *api.Sync) error {
	for _, slot := range slices.Concat(inventories.slots[:], awaiteds.slots[:]) {
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
func (k Store) put(ctx context.Context, s *api.Sync, found *corev1.ConfigMap, name, key string, data []byte) error {
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
