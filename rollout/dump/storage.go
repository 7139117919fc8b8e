package dump

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/storage"
)

const storageV1 = "storage.k8s.io/v1"

// decodeStorage takes an object that says where volumes can go. Only whoever weighs pods asks for it.
func (d *dumped) decodeStorage(object json.RawMessage, k kind) error {
	if !d.names {
		return nil
	}
	switch k.Kind {
	case "PersistentVolumeClaim":
		return decode(object, &d.storage.Claims, same[*corev1.PersistentVolumeClaim])
	case "PersistentVolume":
		return decode(object, &d.storage.Volumes, same[*corev1.PersistentVolume])
	case "StorageClass":
		return decode(object, &d.storage.Classes, same[*storagev1.StorageClass])
	case "CSINode":
		return decode(object, &d.storage.CSINodes, same[*storagev1.CSINode])
	case "CSIDriver":
		return decode(object, &d.storage.Drivers, same[*storagev1.CSIDriver])
	case "CSIStorageCapacity":
		return decode(object, &d.storage.Capacities, same[*storagev1.CSIStorageCapacity])
	}
	return decode(object, &d.storage.Attachments, same[*storagev1.VolumeAttachment])
}

func same[T metav1.Object](o T) T { return o }

// volumes is what a dump says of volumes. Of a kind of which it has nothing, nothing is known.
func (d *dumped) volumes() *storage.Look {
	l := d.storage
	for _, of := range []struct {
		kind string
		n    int
	}{
		{storage.KindClaims, len(l.Claims)}, {storage.KindVolumes, len(l.Volumes)},
		{storage.KindClasses, len(l.Classes)}, {storage.KindCSINodes, len(l.CSINodes)},
		{storage.KindDrivers, len(l.Drivers)}, {storage.KindCapacities, len(l.Capacities)},
		{storage.KindAttachments, len(l.Attachments)},
	} {
		if of.n == 0 {
			l.Unread = append(l.Unread, rollout.Unknown{Kind: of.kind, Why: "the dump has none"})
		}
	}
	return &l
}
