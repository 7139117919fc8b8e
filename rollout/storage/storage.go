// Package storage says where the PersistentVolumes of a pod let it go, and how many of a driver's volumes a node takes,
// as the scheduler's plugins VolumeBinding, VolumeZone and NodeVolumeLimits do. It is pure.
package storage

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/daemongate/daemongate/rollout"
)

// The kinds, as kubectl names them.
const (
	KindClaims      = "persistentvolumeclaims"
	KindVolumes     = "persistentvolumes"
	KindClasses     = "storageclasses"
	KindCSINodes    = "csinodes"
	KindDrivers     = "csidrivers"
	KindCapacities  = "csistoragecapacities"
	KindAttachments = "volumeattachments"
)

// Nothing is what is not weighed where nothing is known of the volumes.
const Nothing = "volumes: where a PersistentVolume can go, and how many of them a node takes"

// Look is what a cluster knows of its volumes.
type Look struct {
	// Claims are those of all namespaces, unless Unread names them: then at most those of the pod's own namespace.
	Claims      []*corev1.PersistentVolumeClaim
	Volumes     []*corev1.PersistentVolume
	Classes     []*storagev1.StorageClass
	CSINodes    []*storagev1.CSINode
	Drivers     []*storagev1.CSIDriver
	Capacities  []*storagev1.CSIStorageCapacity
	Attachments []*storagev1.VolumeAttachment
	// Unread are the kinds that could not be read. OwnClaims says that the claims of the pod's namespace could be.
	Unread    []rollout.Unknown
	OwnClaims bool
}

// lacks reports whether one of these kinds could not be read.
func (l *Look) lacks(kinds ...string) bool {
	return slices.ContainsFunc(l.Unread, func(u rollout.Unknown) bool { return slices.Contains(kinds, u.Kind) })
}

// Weighing weighs the volumes of one pod.
type Weighing struct {
	look      Look
	namespace string
	claims    []claim // those of the pod
	unfound   []string
	others    map[string]*corev1.PersistentVolumeClaim // of all pods, by namespace/name
	volumes   map[string]*corev1.PersistentVolume
	classes   map[string]*storagev1.StorageClass
	csiNodes  map[string]*storagev1.CSINode
	attached  map[string][]*storagev1.VolumeAttachment // by node
	byClass   map[string]*shelf
}

// Weigh begins to weigh the volumes of a pod that is yet to be made; nil if it has none that the scheduler looks at, or
// if nothing is known of any.
func Weigh(look *Look, p *corev1.Pod) *Weighing {
	if look == nil || !slices.ContainsFunc(p.Spec.Volumes, IsClaimed) {
		return nil
	}
	w := &Weighing{look: *look, namespace: p.Namespace, others: map[string]*corev1.PersistentVolumeClaim{},
		volumes: map[string]*corev1.PersistentVolume{}, classes: map[string]*storagev1.StorageClass{},
		csiNodes: map[string]*storagev1.CSINode{}, attached: map[string][]*storagev1.VolumeAttachment{},
		byClass: map[string]*shelf{}}
	for _, c := range look.Claims {
		w.others[c.Namespace+"/"+c.Name] = c
	}
	for _, v := range look.Volumes {
		w.volumes[v.Name] = v
	}
	for _, c := range look.Classes {
		w.classes[c.Name] = c
	}
	for _, n := range look.CSINodes {
		w.csiNodes[n.Name] = n
	}
	for _, a := range look.Attachments {
		w.attached[a.Spec.NodeName] = append(w.attached[a.Spec.NodeName], a)
	}
	if w.placeKnown() {
		w.addClaims(p)
	}
	return w
}

// IsClaimed reports whether a volume is a PersistentVolume, or becomes one.
func IsClaimed(v corev1.Volume) bool { return v.PersistentVolumeClaim != nil || v.Ephemeral != nil }

// placeKnown reports whether it can be said where the volumes let the pod go.
func (w *Weighing) placeKnown() bool {
	return (w.look.OwnClaims || !w.look.lacks(KindClaims)) && !w.look.lacks(KindVolumes, KindClasses)
}

// limitsKnown reports whether it can be said how many volumes a node still takes.
func (w *Weighing) limitsKnown() bool {
	return w.placeKnown() && !w.look.lacks(KindClaims, KindCSINodes, KindAttachments)
}

// NotWeighed is what may keep the pod off any node and was not weighed.
func (w *Weighing) NotWeighed() []string {
	if !w.placeKnown() {
		return []string{Nothing}
	}
	var list []string
	for _, name := range w.unfound {
		list = append(list, "volumes: where PersistentVolumeClaim "+name+" can go, which is not there")
	}
	for i := range w.claims {
		if why := w.claims[i].unsure(w); why != "" {
			list = append(list, "volumes: "+why)
		}
	}
	if !w.limitsKnown() {
		list = append(list, "volumes: how many of them a node takes")
	}
	if w.look.lacks(KindDrivers, KindCapacities) && slices.ContainsFunc(w.claims, claim.isMade) {
		list = append(list, "volumes: how much room a storage driver has left")
	}
	return list
}
