package observe

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/storage"
	"github.com/daemongate/daemongate/rollout/words"
)

// StorageOf reads the volumes of a cluster for pods of a namespace. What may not be read is said in Unread and is no
// failure; of the claims those of the namespace are read at least. It is for `plan`, which reads with the rights of its
// caller.
func (c Clients) StorageOf(ctx context.Context, namespace string) *storage.Look {
	l := &storage.Look{OwnClaims: true}
	cached := metav1.ListOptions{ResourceVersion: "0"}
	read := func(kind string, err error) bool {
		if err != nil {
			l.Unread = append(l.Unread, rollout.Unknown{Kind: kind, Why: words.Clip(err.Error(), 200)})
		}
		return err == nil
	}
	claims, err := c.Core.PersistentVolumeClaims(metav1.NamespaceAll).List(ctx, cached)
	if !read(storage.KindClaims, err) {
		claims, err = c.Core.PersistentVolumeClaims(namespace).List(ctx, cached)
		l.OwnClaims = err == nil
	}
	if err == nil {
		addAll(&l.Claims, claims.Items)
	}
	if list, err := c.Core.PersistentVolumes().List(ctx, cached); read(storage.KindVolumes, err) {
		addAll(&l.Volumes, list.Items)
	}
	if list, err := c.Storage.StorageClasses().List(ctx, cached); read(storage.KindClasses, err) {
		addAll(&l.Classes, list.Items)
	}
	if list, err := c.Storage.CSINodes().List(ctx, cached); read(storage.KindCSINodes, err) {
		addAll(&l.CSINodes, list.Items)
	}
	if list, err := c.Storage.CSIDrivers().List(ctx, cached); read(storage.KindDrivers, err) {
		addAll(&l.Drivers, list.Items)
	}
	if list, err := c.Storage.CSIStorageCapacities(metav1.NamespaceAll).List(ctx, cached); read(storage.KindCapacities,
		err) {
		addAll(&l.Capacities, list.Items)
	}
	if list, err := c.Storage.VolumeAttachments().List(ctx, cached); read(storage.KindAttachments, err) {
		addAll(&l.Attachments, list.Items)
	}
	return l
}

func addAll[T any](to *[]*T, items []T) {
	for i := range items {
		*to = append(*to, &items[i])
	}
}
