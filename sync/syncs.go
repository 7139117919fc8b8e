package sync

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/dense"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/promotion"
	"github.com/daemongate/daemongate/sync/stop"
	"github.com/daemongate/daemongate/sync/stored"
)

// Syncs reads and writes Sync resources.
type Syncs struct {
	client dynamic.Interface
	// Stop suspends all of them while it is on; nil if nothing does.
	Stop *stop.Switch
	// Inventories are those that are too large for the status.
	Inventories stored.Store
	// newest are the versions that they had when this process began.
	newest newestVersions
	// kept is shown each Sync that is kept and shared, if it is set: tests see that nobody changes it.
	kept func(*api.Sync)
}

// NewSyncs returns the Syncs of a cluster.
func NewSyncs(client dynamic.Interface) *Syncs { return &Syncs{client: client} }

// Get reads one Sync from the API server.
func (s *Syncs) Get(ctx context.Context, namespace, name string) (*api.Sync, error) {
	u, err := s.client.Resource(api.Resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("Sync %s/%s: %w%s", namespace, name, err, remedy(err))
	}
	return typed(u)
}

// remedy says what to do where there is no such Sync, or the API server does not know of Syncs at all: then it names
// none of them.
func remedy(err error) string {
	var status errors.APIStatus
	if !errors.IsNotFound(err) || !stderrors.As(err, &status) {
		return ""
	}
	if d := status.Status().Details; d != nil && d.Name != "" {
		return " (see `daemongate get -A`, or give another namespace with -n)"
	}
	return ": Daemongate is not installed in this cluster (daemongate install); without it there are `daemongate " +
		"explain ds/NAME` and `daemongate rollout status ds/NAME`"
}

// List reads the Syncs of a namespace, or of all if it is empty. One that cannot be read, because a field has a value
// that is none, is there without its spec, and its summary says why.
func (s *Syncs) List(ctx context.Context, namespace string) ([]*api.Sync, error) {
	list, err := s.client.Resource(api.Resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Syncs: %w%s", err, remedy(err))
	}
	var syncs []*api.Sync
	for i := range list.Items {
		syncs = append(syncs, Listed(&list.Items[i], time.Now()))
	}
	return syncs, nil
}

// Listed is a Sync as a list has it: one that cannot be read is there without its spec, and its summary says why.
func Listed(u *unstructured.Unstructured, now time.Time) *api.Sync {
	t, err := typed(u)
	if err != nil {
		return unread(u, err, now)
	}
	return t
}

// errStatusChanged says that somebody else has written a status since it was read or written here.
var errStatusChanged = stderrors.New("somebody else has written its status: it is read again")

// UpdateStatus writes a status and returns the Sync as it is then. If the Sync has been written meanwhile, it is read,
// and the status is written onto it only if that is still the known one: a change of the spec, of an annotation.
func (s *Syncs) UpdateStatus(ctx context.Context, sync *api.Sync, known api.SyncStatus) (*api.Sync, error) {
	for attempt := 0; ; attempt++ {
		u, err := s.PutStatus(ctx, sync)
		if err == nil {
			return typed(u)
		}
		if !errors.IsConflict(err) || attempt == 5 {
			return nil, err
		}
		newer, err := s.Get(ctx, sync.Namespace, sync.Name)
		if err != nil {
			return nil, err
		}
		if newer.UID != sync.UID {
			return nil, fmt.Errorf("status of Sync %s/%s: it was deleted and made anew", sync.Namespace, sync.Name)
		}
		if !equality.Semantic.DeepEqual(newer.Status, known) {
			return nil, fmt.Errorf("status of Sync %s/%s: %w", sync.Namespace, sync.Name, errStatusChanged)
		}
		newer.Status = sync.Status
		sync = newer
	}
}

// PutStatus writes a status, and is refused if anybody has written the Sync since it was read.
func (s *Syncs) PutStatus(ctx context.Context, sync *api.Sync) (*unstructured.Unstructured, error) {
	u, err := untyped(sync)
	if err == nil {
		u, err = s.client.Resource(api.Resource).Namespace(sync.Namespace).UpdateStatus(ctx, u, metav1.UpdateOptions{})
	}
	if err != nil {
		return nil, fmt.Errorf("status of Sync %s/%s: %w", sync.Namespace, sync.Name, err)
	}
	return u, nil
}

// SetFinalizers writes the finalizers of a Sync, if nobody has written the Sync since it was read. The Sync is then of
// the version that was written.
func (s *Syncs) SetFinalizers(ctx context.Context, sync *api.Sync, finalizers []string) error {
	written, err := s.patched(ctx, sync.Namespace, sync.Name, map[string]any{"metadata": map[string]any{
		"uid": sync.UID, "resourceVersion": sync.ResourceVersion, "finalizers": finalizers}})
	if errors.IsNotFound(err) && len(finalizers) == 0 {
		return nil
	}
	if err == nil {
		sync.ResourceVersion, sync.Finalizers = written.GetResourceVersion(), finalizers
	}
	return err
}

// Leaving reads a Sync that is being deleted, nil if it is gone.
func (s *Syncs) Leaving(ctx context.Context, namespace, name string) (*api.Sync, error) {
	u, err := s.client.Resource(api.Resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if errors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("Sync %s/%s: %w", namespace, name, err)
	}
	return leaving(u)
}

// leaving is a Sync that is being deleted, or if its spec cannot be read, what its deletion needs of it.
func leaving(u *unstructured.Unstructured) (*api.Sync, error) {
	read, err := typed(u)
	if err == nil {
		return read, nil
	}
	least := u.DeepCopy()
	least.Object["spec"] = map[string]any{}
	for _, path := range [][]string{{"deletionPolicy"}, {"suspend"}, {"apply", "serviceAccountName"}} {
		path = append([]string{"spec"}, path...)
		if value, found, err := unstructured.NestedFieldCopy(u.Object, path...); found && err == nil {
			if err := unstructured.SetNestedField(least.Object, value, path...); err != nil {
				return nil, err
			}
		}
	}
	return typed(least)
}

// Informer returns a watch of the Syncs of a namespace, or of all if it is empty. What it holds is for FromInformer.
func (s *Syncs) Informer(namespace string) cache.SharedIndexInformer {
	informer := dynamicinformer.NewFilteredDynamicInformer(s.client, api.Resource, namespace, 0,
		cache.Indexers{byWhomTheyWaitFor: promotion.WaitsFor}, nil).Informer()
	_ = informer.SetTransform(s.decoded) // which fails for one that has been started
	return informer
}

// decoded is a Sync as an informer keeps it: converted once, when it arrives, and without the record of who wrote which
// field, unless it has an annotation of which that is asked. One that cannot be read stays as it came.
func (s *Syncs) decoded(o any) (any, error) {
	u, is := o.(*unstructured.Unstructured)
	if !is {
		return o, nil // client-go may ask twice
	}
	t, err := typed(u)
	if err != nil {
		u.SetManagedFields(nil)
		return u, nil
	}
	if t.Annotations[overrideAnnotation] == "" {
		t.ManagedFields = nil
	}
	dense.Of(t)
	s.keeps(t)
	return t, nil
}

func (s *Syncs) keeps(t *api.Sync) {
	if s.kept != nil {
		s.kept(t)
	}
}

// typed converts what the API server sent.
func typed(u *unstructured.Unstructured) (*api.Sync, error) {
	s := &api.Sync{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, s); err != nil {
		return nil, fmt.Errorf("Sync %s/%s: %w", u.GetNamespace(), u.GetName(), err)
	}
	return s, nil
}

func untyped(s *api.Sync) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s)
	if err != nil {
		return nil, fmt.Errorf("Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(api.Kind)
	return u, nil
}

// Request asks the controller to poll now and to try a failed head again.
func (s *Syncs) Request(ctx context.Context, namespace, name string, now time.Time) error {
	return s.annotate(ctx, namespace, name, RequestAnnotation, now.Format(time.RFC3339Nano))
}

// RequestFull is a Request that also has every object compared with what the commit asks for.
func (s *Syncs) RequestFull(ctx context.Context, namespace, name string, now time.Time) error {
	return s.annotate(ctx, namespace, name, RequestAnnotation, now.Format(time.RFC3339Nano)+requestedInFull)
}

// Suspend turns a Sync's polls, applies, prune and correction off, or on again, and reports whether that is a change.
func (s *Syncs) Suspend(ctx context.Context, namespace, name string, suspend bool) (changed bool, err error) {
	before, err := s.Get(ctx, namespace, name)
	if err != nil || before.Spec.Suspend == suspend {
		return false, err
	}
	return true, s.patch(ctx, namespace, name, map[string]any{"spec": map[string]any{"suspend": suspend}})
}

// Release says that a person lets the gate go on after a settled commit, once.
func (s *Syncs) Release(ctx context.Context, namespace, name, commit string, now time.Time) error {
	return s.annotate(ctx, namespace, name, releaseAnnotation, commit+" "+now.UTC().Format(time.RFC3339Nano))
}

func (s *Syncs) annotate(ctx context.Context, namespace, name, key, value string) error {
	return s.patch(ctx, namespace, name,
		map[string]any{"metadata": map[string]any{"annotations": map[string]string{key: value}}})
}

func (s *Syncs) patch(ctx context.Context, namespace, name string, change map[string]any) error {
	_, err := s.patched(ctx, namespace, name, change)
	return err
}

func (s *Syncs) patched(ctx context.Context, namespace, name string, change map[string]any) (*unstructured.Unstructured,
	error) {
	patch, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	u, err := s.client.Resource(api.Resource).Namespace(namespace).Patch(ctx, name, types.MergePatchType, patch,
		metav1.PatchOptions{})
	if err != nil {
		return nil, fmt.Errorf("Sync %s/%s: %w", namespace, name, err)
	}
	return u, nil
}

// FromInformer is the Sync that an informer of Syncs holds, or why that one cannot be read. All who ask share it: it is
// copied before it is changed.
func FromInformer(o any) (*api.Sync, error) {
	switch o := o.(type) {
	case *api.Sync:
		return o, nil
	case *unstructured.Unstructured:
		return typed(o)
	}
	return nil, fmt.Errorf("the informer of Syncs holds a %T", o)
}
