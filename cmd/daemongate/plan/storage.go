package plan

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/storage"
)

// addStorage reads what says where the volumes of a DaemonSet can go, if it has any.
func (c *cluster) addStorage(ctx context.Context, in *plan.Input) {
	if !claims(in.Next) {
		return
	}
	in.Storage = c.clients.StorageOf(ctx, in.Next.Namespace)
	for _, u := range in.Storage.Unread {
		c.note("%s: %s", u.Kind, u.Why)
	}
	var objects []*unstructured.Unstructured
	for _, o := range c.set.Objects() {
		if m, asked := c.merged[manifests.IDOf(o)]; asked && m.Want != nil {
			o = m.Want
		}
		objects = append(objects, o)
	}
	bringStorage(in.Storage, objects, "")
}

// claims reports whether the pods of a DaemonSet use PersistentVolumes.
func claims(d *appsv1.DaemonSet) bool {
	return slices.ContainsFunc(d.Spec.Template.Spec.Volumes, storage.IsClaimed)
}

// bringStorage adds the volumes, claims and classes of a commit as it leaves them. Objects that name no namespace go to
// the one by default.
func bringStorage(l *storage.Look, objects []*unstructured.Unstructured, byDefault string) {
	for _, o := range objects {
		switch id := manifests.IDOf(o); {
		case id.Kind == "PersistentVolumeClaim" && id.Group == "":
			bring(&l.Claims, o, &corev1.PersistentVolumeClaim{}, byDefault)
		case id.Kind == "PersistentVolume" && id.Group == "":
			bring(&l.Volumes, o, &corev1.PersistentVolume{}, "")
		case id.Kind == "StorageClass" && id.Group == storagev1.GroupName:
			class := &storagev1.StorageClass{}
			if bring(&l.Classes, o, class, ""); class.VolumeBindingMode == nil {
				atOnce := storagev1.VolumeBindingImmediate
				class.VolumeBindingMode = &atOnce
			}
		}
	}
}

// bring puts an object of a commit in the place of the one that is there.
func bring[T metav1.Object](list *[]T, o *unstructured.Unstructured, as T, byDefault string) {
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, as) != nil {
		return // the API server says what is wrong with it
	}
	if as.GetNamespace() == "" {
		as.SetNamespace(byDefault)
	}
	i := slices.IndexFunc(*list, func(old T) bool {
		return old.GetNamespace() == as.GetNamespace() && old.GetName() == as.GetName()
	})
	if i < 0 {
		*list = append(*list, as)
		return
	}
	if as.GetUID() != "" { // as the API server would make it; else what is there is known better
		(*list)[i] = as
	}
}
